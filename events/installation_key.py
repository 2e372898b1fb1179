"""A data key that an installation has one of, in a table of its own: made at the first use, wrapped, and wrapped anew.

It is kept wrapped as the workspaces' data keys are, so that what is made under it outlives the secret key of its day,
and a copy of the tables alone opens nothing.
"""

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from events.sealing import DataKey, KeyWrapper, SealError, WrappedKey, bind

if TYPE_CHECKING:
    from events.store import Connection, Pool

    Executor = Connection | Pool


class InstallationKey:
    """The key of one table.

    Args:
        pool: of the runtime role.
        keys: the key-encryption keys that also wrap the workspaces' data keys.
        table: has the columns ``key_id``, ``wrapped`` and ``wrapping_key_id``, and takes one row.
        purpose: what the wrapped key is bound to, beside its id.
        called: what the key is called in a sentence.
    """

    def __init__(self, pool: "Pool", keys: KeyWrapper, *, table: str, purpose: str, called: str) -> None:
        self._pool = pool
        self._wrapper = keys
        self._table = table
        self._purpose = purpose
        self._called = called
        self._opened: tuple[UUID, bytes] | None = None

    async def open(self, source: "Executor") -> bytes | None:
        """Return the key that is there; ``None`` before it was made.

        It never changes, but a backup from before it was made takes it away, and another one is made then: what was
        opened once counts only while it is the key that is there.

        Raises:
            SealError: the key cannot be opened.
        """
        row = await source.fetchrow(f"select key_id, wrapped, wrapping_key_id from {self._table}")
        if row is None:
            return None
        if self._opened is None or self._opened[0] != row["key_id"]:
            wrapped = WrappedKey(row["wrapping_key_id"], row["wrapped"])
            self._opened = row["key_id"], await self._wrapper.unwrap(wrapped, self._place(row["key_id"]))
        return self._opened[1]

    async def make(self) -> bytes:
        """Make the key, once for an installation, beside any transaction: one of the caller's may yet be taken back.

        Raises:
            SealError: the key was deleted in the same moment, or cannot be opened.
        """
        key_id = uuid4()
        new = await self._wrapper.wrap(DataKey.generate(), self._place(key_id))
        await self._pool.execute(
            f"insert into {self._table} (key_id, wrapped, wrapping_key_id) values ($1, $2, $3) on conflict do nothing",
            key_id,
            new.wrapped,
            new.wrapping_key_id,
        )
        # Another process may have been first; its key counts.
        key = await self.open(self._pool)
        if key is None:
            message = f"The key of {self._called} was deleted at this moment. Try again."
            raise SealError(message)
        return key

    async def rewrap(self) -> int:
        """Wrap the key under the newest secret key; return how many keys (none or one) were not.

        Raises:
            SealError: the key cannot be opened.
        """
        row = await self._pool.fetchrow(f"select key_id, wrapped, wrapping_key_id from {self._table}")
        if row is None or row["wrapping_key_id"] == self._wrapper.newest:
            return 0
        place = self._place(row["key_id"])
        key = await self._wrapper.unwrap(WrappedKey(row["wrapping_key_id"], row["wrapped"]), place)
        new = await self._wrapper.wrap(key, place)
        done = await self._pool.fetchval(
            f"update {self._table} set wrapped = $1, wrapping_key_id = $2 where key_id = $3 and wrapping_key_id = $4"
            " returning key_id",
            new.wrapped,
            new.wrapping_key_id,
            row["key_id"],
            row["wrapping_key_id"],
        )
        return 0 if done is None else 1

    def _place(self, key_id: UUID) -> bytes:
        return bind(self._purpose, str(key_id))
