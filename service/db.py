"""The database pool: asyncpg, without the state that a pool would have to clean up after each use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast

import asyncpg
from pydantic import SecretStr

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Executor: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.Pool[asyncpg.Record]"
"""What runs a statement, in a transaction or on its own."""

TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""Whatever a statement can fail with; what works beside the requests logs it and goes on.

Internal client errors are what asyncpg calls a statement on a connection whose end it is just reading of.
"""

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

STATEMENT_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0


def is_away(error: BaseException) -> bool:
    """Tell whether an error says that the database cannot be worked with just now.

    What it cut off was not committed, unless it was the commit that lost its answer.
    asyncpg calls arguments of a wrong type interface errors too; those are mistakes, and value errors at once.
    """
    return isinstance(error, _AWAY) and not isinstance(error, ValueError)


class StatelessConnection(asyncpg.Connection):  # type: ignore[misc, type-arg, unused-ignore]  # asyncpg's own class is generic in stubs only
    """A pooled connection that is handed on as it is.

    Nothing in the service keeps session state on a pooled connection (no ``SET``, no session lock, no ``LISTEN``), so
    the statement that asyncpg sends at each release has nothing to undo; it would cost a round trip per use.
    """

    def get_reset_query(self) -> str:
        """Answer that there is nothing to reset."""
        return ""

    async def reset(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's own signature
        """Roll back what was left open; after a statement that has ended well, nothing was."""
        if self.is_in_transaction():
            await super().reset(timeout=timeout)


class StatelessPool(asyncpg.Pool):  # type: ignore[misc, type-arg, unused-ignore]  # as above
    """A pool that takes a connection back at once after a single statement that has ended well.

    asyncpg starts a task for it, which shields the clean-up from being cancelled; there is nothing to clean up then.
    """

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        """Run a statement and return its first row. ``options`` are those of asyncpg's method."""
        connection = await self.acquire()
        try:
            row = await connection.fetchrow(query, *args, **options)
        except BaseException:
            await self.release(connection)
            raise
        await self._take_back(connection)
        return row

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        """Run a statement and return its rows. ``options`` are those of asyncpg's method."""
        connection = await self.acquire()
        try:
            rows = await connection.fetch(query, *args, **options)
        except BaseException:
            await self.release(connection)
            raise
        await self._take_back(connection)
        return rows

    async def _take_back(self, connection: Any) -> None:
        connection._con._on_release()  # noqa: SLF001 - the steps of asyncpg's own release, without its task
        await connection._holder.release(None)  # noqa: SLF001


@asynccontextmanager
async def open_pool(url: SecretStr, *, size: int) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """Open a pool of at most ``size`` connections to ``url`` for as long as the context lasts."""
    pool = await StatelessPool(
        url.get_secret_value(),
        min_size=min(2, size),
        max_size=size,
        max_queries=50_000,
        max_inactive_connection_lifetime=0,
        connection_class=StatelessConnection,
        record_class=asyncpg.Record,
        loop=None,
        command_timeout=STATEMENT_TIMEOUT_S,
        timeout=CONNECT_TIMEOUT_S,
        server_settings={"application_name": "keyledger"},
    )
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def borrowed(pool: Pool) -> AsyncIterator[Connection]:
    """Borrow a connection of the pool. What the pool hands out stands for a connection in every way."""
    async with pool.acquire() as connection:
        yield cast("Connection", connection)


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """Borrow a connection and keep a READ COMMITTED transaction open on it; an exception rolls it back."""
    async with borrowed(pool) as connection, connection.transaction():
        yield connection
