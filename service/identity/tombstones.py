"""What stays of an erased person: keyed digests, which say "was here once" about an address and about nothing else.

They are made under a key of their own, which is made at the first use, kept wrapped as data keys are, and wrapped anew
when secret keys are rotated. So a tombstone outlives the secret key of its day, and a copy of the tables alone tells
nobody whose it is.
"""

import hmac
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from events.sealing import DataKey, KeyWrapper, SealError, WrappedKey, bind

if TYPE_CHECKING:
    from service.db import Pool
    from service.identity.resources import Connection, Executor

_LABEL: Final = b"keyledger/tombstone/v1\0"
_READ: Final = "select key_id, wrapped, wrapping_key_id from identity.tombstone_key"
_NEW: Final = """
    insert into identity.tombstone_key (key_id, wrapped, wrapping_key_id) values ($1, $2, $3) on conflict do nothing
"""
_REWRAP: Final = """
    update identity.tombstone_key set wrapped = $1, wrapping_key_id = $2 where key_id = $3 and wrapping_key_id = $4
    returning key_id
"""


class Tombstones:
    """Finds and raises the tombstones of all workspaces.

    Args:
        pool: of the runtime role.
        keys: the key-encryption keys that also wrap the workspaces' data keys.
    """

    def __init__(self, pool: "Pool", keys: KeyWrapper) -> None:
        self._pool = pool
        self._wrapper = keys
        self._key: tuple[UUID, bytes] | None = None

    async def find(
        self, connection: "Executor", workspace: str, email_key: str, identity: tuple[str, str, str]
    ) -> bool:
        """Whether somebody with this address, or this identity (issuer, scope, subject), was erased from the workspace.

        Raises:
            SealError: the key under which tombstones are made cannot be opened.
        """
        key = await self._open(connection)
        if key is None:
            return False
        digests = [_of_address(key, workspace, email_key), _of_identity(key, workspace, *identity)]
        return bool(
            await connection.fetchval(
                "select exists (select 1 from identity.tombstones where workspace = $1 and digest = any($2))",
                workspace,
                digests,
            )
        )

    async def raise_for(self, connection: "Connection", workspace: str, member_id: UUID, now: datetime) -> None:
        """Leave tombstones for a member's address and identities, in the transaction that erases them.

        Raises:
            SealError: see ``find``.
        """
        key = await self._open(connection) or await self._make()
        rows = await connection.fetch(
            "select m.email_key, i.issuer, i.subject_scope, i.subject from identity.members m"
            " left join identity.identities i using (member_id) where m.member_id = $1",
            member_id,
        )
        digests = {_of_address(key, workspace, row["email_key"]) for row in rows if row["email_key"] is not None}
        digests |= {
            _of_identity(key, workspace, row["issuer"], row["subject_scope"], row["subject"])
            for row in rows
            if row["issuer"] is not None
        }
        await connection.executemany(
            "insert into identity.tombstones (workspace, digest, erased_at) values ($1, $2, $3) on conflict do nothing",
            [(workspace, digest, now) for digest in digests],
        )

    async def rewrap(self) -> int:
        """Wrap the key under the newest secret key; return how many keys (none or one) were not.

        Raises:
            SealError: see ``find``.
        """
        row = await self._pool.fetchrow(_READ)
        if row is None or row["wrapping_key_id"] == self._wrapper.newest:
            return 0
        place = _place(row["key_id"])
        key = await self._wrapper.unwrap(WrappedKey(row["wrapping_key_id"], row["wrapped"]), place)
        new = await self._wrapper.wrap(key, place)
        done = await self._pool.fetchval(
            _REWRAP, new.wrapped, new.wrapping_key_id, row["key_id"], row["wrapping_key_id"]
        )
        return 0 if done is None else 1

    async def _open(self, connection: "Executor") -> bytes | None:
        """Return the key; without one there are no tombstones either.

        It never changes, but a backup from before it was made takes it away, and another one is made then: what was
        opened once counts only while it is the key that is there.
        """
        row = await connection.fetchrow(_READ)
        if row is None:
            return None
        if self._key is None or self._key[0] != row["key_id"]:
            wrapped = WrappedKey(row["wrapping_key_id"], row["wrapped"])
            self._key = row["key_id"], await self._wrapper.unwrap(wrapped, _place(row["key_id"]))
        return self._key[1]

    async def _make(self) -> bytes:
        """Make the key, once for an installation: beside the caller's transaction, which may yet be taken back."""
        key_id = uuid4()
        new = await self._wrapper.wrap(DataKey.generate(), _place(key_id))
        await self._pool.execute(_NEW, key_id, new.wrapped, new.wrapping_key_id)
        # Another process may have been first; its key counts.
        key = await self._open(self._pool)
        if key is None:
            message = "The key of the tombstones was deleted at this moment. Try again."
            raise SealError(message)
        return key


def _place(key_id: UUID) -> bytes:
    return bind("keyledger/tombstone-key/v1", str(key_id))


def _of_address(key: bytes, workspace: str, email_key: str) -> bytes:
    return _digest(key, workspace, "address", email_key)


def _of_identity(key: bytes, workspace: str, issuer: str, scope: str, subject: str) -> bytes:
    return _digest(key, workspace, "identity", issuer, scope, subject)


def _digest(key: bytes, *parts: str) -> bytes:
    return hmac.digest(key, _LABEL + bind(*parts), "sha256")
