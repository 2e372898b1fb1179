"""The vault: sealed client secrets and their data keys in the database, apart from the events that name them."""

import hmac
import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from pydantic import SecretStr

from events.sealing import DataKey, KeyWrapper, SealedSecret, SealError, WrappedKey, bind
from events.workspace import Workspace
from events.workspace_values import Credentials

if TYPE_CHECKING:
    from events.store import Connection, Pool

UNSEALED_MAXIMUM = 256
UNSEALED_S = 60.0
"""How long a secret that was opened stays open in memory; one that is shredded elsewhere closes within that time."""

_KEY = "select data_key_id, wrapped, wrapping_key_id from ledger.data_keys where stream_id = $1"
_NEW_KEY = """
    insert into ledger.data_keys (data_key_id, stream_id, wrapped, wrapping_key_id) values ($1, $2, $3, $4)
    on conflict (stream_id) do nothing
"""
_ADD_SEALED = """
    insert into ledger.secrets (secret_id, stream_id, credentials_id, data_key_id, sealed) values ($1, $2, $3, $4, $5)
"""
_FIND_SEALED = """
    select k.data_key_id, k.wrapped, k.wrapping_key_id, s.sealed
    from ledger.secrets s join ledger.data_keys k using (data_key_id)
    where s.secret_id = $1 and s.stream_id = $2 and s.credentials_id = $3
"""
_STALE_KEYS = """
    select data_key_id, stream_id, wrapped, wrapping_key_id from ledger.data_keys
    where wrapping_key_id <> $1 order by data_key_id limit 100
"""
_REWRAP = """
    update ledger.data_keys set wrapped = $2, wrapping_key_id = $3 where data_key_id = $1 and wrapping_key_id = $4
"""
_SHRED = "select data_key_ids, secret_ids from ledger.shred_secrets($1)"


@dataclass(frozen=True, slots=True)
class Shredded:
    """What was there and is deleted: data keys by id, and how many sealed secrets."""

    data_key_ids: list[str]
    secrets: int


class SecretVault:
    """Seals secrets in the caller's transaction, and opens them for the moment they are needed.

    Args:
        pool: of the runtime role.
        keys: the key-encryption keys, or a key management service behind the same protocol.
    """

    def __init__(self, pool: "Pool", keys: KeyWrapper) -> None:
        self._pool = pool
        self._keys = keys
        self._open: OrderedDict[str, tuple[float, str, SecretStr]] = OrderedDict()

    async def seal(self, conn: "Connection", stream_id: str, credentials_id: str, secret: SecretStr) -> SealedSecret:
        """Seal and store a secret of a workspace, in the transaction of the event that will name it.

        Raises:
            ValueError: the secret is empty or larger than 4 KiB.
            SealError: the workspace's data key cannot be opened.
        """
        key = await self._data_key(conn, stream_id)
        secret_id = uuid4()
        sealed = key.seal(credentials_id, secret_id, secret)
        await conn.execute(_ADD_SEALED, secret_id, stream_id, credentials_id, key.data_key_id, sealed.sealed)
        return sealed

    async def open(self, workspace: Workspace, credentials: Credentials) -> SecretStr | None:
        """Return the client secret of these credentials, ``None`` when it was deleted.

        Raises:
            SealError: the secret is there and is not the one that the event names, or its key is missing.
        """
        kept = self._open.get(credentials.secret_id)
        if kept is not None and kept[0] > time.monotonic() and kept[1] == credentials.secret_digest:
            self._open.move_to_end(credentials.secret_id)
            return kept[2]
        secret = await self._load(workspace.slug, credentials)
        if secret is None:
            self._open.pop(credentials.secret_id, None)
            return None
        self._open[credentials.secret_id] = (time.monotonic() + UNSEALED_S, credentials.secret_digest, secret)
        while len(self._open) > UNSEALED_MAXIMUM:
            self._open.popitem(last=False)
        return secret

    async def shred(self, conn: "Connection", stream_id: str) -> Shredded:
        """Delete a workspace's secrets and data keys for good, in the caller's transaction.

        Nothing is left to decide here: whoever calls has found that the workspace may be shredded, and records it.
        """
        row = await conn.fetchrow(_SHRED, stream_id)
        assert row is not None  # noqa: S101 -- a function's row is always there
        for secret_id in row["secret_ids"]:
            self._open.pop(str(secret_id), None)
        return Shredded([str(one) for one in row["data_key_ids"]], len(row["secret_ids"]))

    async def rewrap(self) -> int:
        """Wrap every data key under the newest key; return how many were not.

        Secrets and events stay as they are. May be stopped and repeated at any time, and run beside the service.

        Raises:
            SealError: a data key cannot be opened; the ones before it are done.
        """
        done = 0
        while stale := await self._pool.fetch(_STALE_KEYS, self._keys.newest):
            for row in stale:
                place = _key_place(row["stream_id"], row["data_key_id"])
                key = await self._keys.unwrap(WrappedKey(row["wrapping_key_id"], row["wrapped"]), place)
                new = await self._keys.wrap(key, place)
                await self._pool.execute(
                    _REWRAP, row["data_key_id"], new.wrapped, new.wrapping_key_id, row["wrapping_key_id"]
                )
                done += 1
        return done

    async def _data_key(self, conn: "Connection", stream_id: str) -> DataKey:
        row = await conn.fetchrow(_KEY, stream_id)
        if row is None:
            new_id = uuid4()
            new = await self._keys.wrap(DataKey.generate(), _key_place(stream_id, new_id))
            await conn.execute(_NEW_KEY, new_id, stream_id, new.wrapped, new.wrapping_key_id)
            # Another transaction may have been first; its key counts.
            row = await conn.fetchrow(_KEY, stream_id)
        if row is None:
            message = "The workspace's data key was deleted at this moment. Try again."
            raise SealError(message)
        return await self._unwrap(stream_id, row["data_key_id"], WrappedKey(row["wrapping_key_id"], row["wrapped"]))

    async def _unwrap(self, stream_id: str, data_key_id: UUID, wrapped: WrappedKey) -> DataKey:
        return DataKey(stream_id, data_key_id, await self._keys.unwrap(wrapped, _key_place(stream_id, data_key_id)))

    async def _load(self, stream_id: str, credentials: Credentials) -> SecretStr | None:
        secret_id = UUID(credentials.secret_id)
        row = await self._pool.fetchrow(_FIND_SEALED, secret_id, stream_id, credentials.credentials_id)
        if row is None:
            return None
        if not hmac.compare_digest(sha256(row["sealed"]).hexdigest(), credentials.secret_digest):
            message = "The stored secret is not the one that the recorded event names."
            raise SealError(message)
        key = await self._unwrap(stream_id, row["data_key_id"], WrappedKey(row["wrapping_key_id"], row["wrapped"]))
        return key.open(credentials.credentials_id, secret_id, row["sealed"])


def _key_place(stream_id: str, data_key_id: UUID) -> bytes:
    return bind("keyledger/data-key/v1", stream_id, str(data_key_id))
