"""A log that goes back: what a restored backup does to the tables, in one moment and on the same connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.database import TestDatabase
from support.tampering import Superuser

_COPY = "create table past.connections as table projection.connections"
_TREE = ("tree_tiles", "head_nodes", "tree_state", "checkpoints", "signing_keys")
_SEQUENCE = "select last_value from ledger.events_position_seq"


class Past:
    """The log as it was when this was made, with the read model that the appends write."""

    def __init__(self, superuser: Superuser, last_position: int) -> None:
        self._superuser = superuser
        self._last_position = last_position

    async def return_to(self, *, tree_stays: bool = False) -> None:
        """Put it back. Positions and versions that were given since are given again.

        ``tree_stays``: but for what the notary keeps beside it.
        """
        connection = self._superuser.conn
        async with connection.transaction():
            for table in _TREE if tree_stays else ():
                await connection.execute(f"drop table past.{table}")
                await connection.execute(f"create table past.{table} as table ledger.{table}")
            await self._superuser.restore("past")
            await connection.execute("delete from projection.connections")
            await connection.execute("insert into projection.connections select * from past.connections")
            await connection.fetchval("select setval('ledger.events_position_seq', $1)", self._last_position)


@asynccontextmanager
async def remembered(database: TestDatabase) -> AsyncIterator[Past]:
    """Remember the log as it is now."""
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.back_up("past")
        await superuser.conn.execute(_COPY)
        yield Past(superuser, await superuser.conn.fetchval(_SEQUENCE))
