"""A table made anew beside the live one, and put in its place under live reads and writes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from events.store import Connection

SWAP_WAIT = "300ms"
"""Shorter than deadlock_timeout: where a sign-in and a swap wait for each other, it is the swap that gives way."""

SWAP_ATTEMPTS = 10
SWAP_PAUSE_S = 0.5


class RebuildRunning(Exception):
    """Somebody else is rebuilding the same read model."""


async def empty_twin(conn: "Connection", live: str) -> str:
    """Make an empty table like the live one, with indexes, options and grants; what a crash left there is gone."""
    twin = f"{live}_rebuild"
    async with conn.transaction():
        await conn.execute(f"drop table if exists {twin}")
        await conn.execute(f"create table {twin} (like {live} including all)")
        options = await conn.fetchval(
            "select array_to_string(reloptions, ', ') from pg_class where oid = $1::text::regclass", live
        )
        if options:
            await conn.execute(f"alter table {twin} set ({options})")
        grants = await conn.fetch(
            """
            select a.privilege_type, a.grantee::regrole::text as grantee
            from pg_class c cross join aclexplode(c.relacl) a
            where c.oid = $1::text::regclass and a.grantee <> c.relowner
            """,
            live,
        )
        for grant in grants:
            await conn.execute(f"grant {grant['privilege_type']} on {twin} to {grant['grantee']}")
    return twin


async def set_aside(conn: "Connection", twin: str) -> list[str]:
    """Drop the twin's indexes but for those that keep its rows apart; return the statements that make them again.

    One that is made over all rows at once costs a fraction of one that grows row by row.
    """
    indexes = await conn.fetch(
        """
        select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as statement from pg_index
        where indrelid = $1::text::regclass and not indisunique
        """,
        twin,
    )
    for index in indexes:
        await conn.execute(f"drop index {index['name']}")
    return [index["statement"] for index in indexes]


async def swap(conn: "Connection", live: str, twin: str) -> None:
    """Put the twin in the live table's place, in the caller's transaction.

    Raises:
        asyncpg.LockNotAvailableError: the live table is in use; see ``until_swapped``.
    """
    name = live.partition(".")[2]
    await conn.execute(f"set local lock_timeout = '{SWAP_WAIT}'")
    await conn.execute(f"drop table if exists {live}_former")
    await conn.execute(f"alter table {live} rename to {name}_former")
    await conn.execute(f"alter table {twin} rename to {name}")


async def until_swapped(finish: Callable[[], Awaitable[None]]) -> None:
    """Call what catches up and swaps, again while the live table is in use.

    Whoever waits for the table holds up everybody who comes after; waiting briefly and often lets them through.

    Raises:
        asyncpg.LockNotAvailableError: it was in use each time.
    """
    for attempt in range(1, SWAP_ATTEMPTS + 1):
        try:
            await finish()
        except asyncpg.LockNotAvailableError:
            if attempt == SWAP_ATTEMPTS:
                raise
            await asyncio.sleep(SWAP_PAUSE_S)
        else:
            return


@asynccontextmanager
async def alone(conn: "Connection", name: str) -> AsyncIterator[None]:
    """Hold the one place in which a read model may be rebuilt.

    Raises:
        RebuildRunning: somebody else holds it.
    """
    # A lock of the session: the rebuild spans transactions, and a connection that is lost gives it back.
    key = f"keyledger/rebuild/{name}"
    if not await conn.fetchval("select pg_try_advisory_lock(hashtextextended($1, 0))", key):
        message = f"{name} is being rebuilt at this moment."
        raise RebuildRunning(message)
    try:
        yield
    finally:
        if not conn.is_closed():
            await conn.execute("select pg_advisory_unlock(hashtextextended($1, 0))", key)
