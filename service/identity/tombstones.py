"""What stays of an erased person: keyed digests, which say "was here once" about an address and about nothing else.

They are made under a key of their own (``events.installation_key``). So a tombstone outlives the secret key of its day,
and a copy of the tables alone tells nobody whose it is.
"""

import hmac
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from events.installation_key import InstallationKey
from events.sealing import KeyWrapper, bind

if TYPE_CHECKING:
    from service.db import Pool
    from service.identity.resources import Connection, Executor

_LABEL: Final = b"keyledger/tombstone/v1\0"


class Tombstones:
    """Finds and raises the tombstones of all workspaces.

    Args:
        pool: of the runtime role.
        keys: the key-encryption keys that also wrap the workspaces' data keys.
    """

    def __init__(self, pool: "Pool", keys: KeyWrapper) -> None:
        self._key = InstallationKey(
            pool,
            keys,
            table="identity.tombstone_key",
            purpose="keyledger/tombstone-key/v1",
            called="the tombstones",
        )

    async def find(
        self, connection: "Executor", workspace: str, email_key: str, identity: tuple[str, str, str]
    ) -> bool:
        """Whether somebody with this address, or this identity (issuer, scope, subject), was erased from the workspace.

        Raises:
            SealError: the key under which tombstones are made cannot be opened.
        """
        key = await self._key.open(connection)
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
        key = await self._key.open(connection) or await self._key.make()
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
        return await self._key.rewrap()


def _of_address(key: bytes, workspace: str, email_key: str) -> bytes:
    return _digest(key, workspace, "address", email_key)


def _of_identity(key: bytes, workspace: str, issuer: str, scope: str, subject: str) -> bytes:
    return _digest(key, workspace, "identity", issuer, scope, subject)


def _digest(key: bytes, *parts: str) -> bytes:
    return hmac.digest(key, _LABEL + bind(*parts), "sha256")
