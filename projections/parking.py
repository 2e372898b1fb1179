"""Parked streams: what a projection cannot take in, kept beside it until somebody has mended the cause."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg
import structlog

from events.envelope import Recorded
from events.store import EventStore
from events.store_errors import LOST
from projections.projection import (
    CheckpointMoved,
    LogWentBack,
    Projection,
    read_checkpoint,
    table_of,
    wait_for_turn,
)

if TYPE_CHECKING:
    from events.store import Connection, Pool

log = structlog.get_logger("projector")

ERROR_CHARACTERS = 300

PASSING = (
    *LOST,
    OSError,
    TimeoutError,
    CheckpointMoved,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""Trouble that passes and says nothing about any event."""

OURS = (LogWentBack, asyncpg.SyntaxOrAccessError)
"""Trouble with the projection itself: parking streams one by one would only hide it."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A stream with an event that a projection cannot take in. ``parked_at`` is None while it is still tried again."""

    stream_id: str
    position: int
    error: str
    attempts: int
    at: datetime
    parked_at: datetime | None


class StillParked(Exception):
    """The stream could not be un-parked: its event cannot be taken in yet. Everything is as before."""


async def read_parked(source: "Pool | Connection", name: str) -> list[Parked]:
    """Return the streams that a projection has trouble with, the longest first."""
    rows = await source.fetch(
        """
        select stream_id, position, error, attempts, at, parked_at from projection.parked
        where projection = $1 order by position
        """,
        name,
    )
    return [Parked(*row) for row in rows]


async def count_failure(conn: "Connection", name: str, event: Recorded, error: Exception, attempts: int) -> Parked:
    """Count one more failure of an event, and park its stream when there were ``attempts`` of them."""
    row = await conn.fetchrow(
        """
        insert into projection.parked as p (projection, stream_id, position, error, attempts, parked_at)
        values ($1, $2, $3, $4, 1, case when $5 <= 1 then clock_timestamp() end)
        on conflict (projection, stream_id) do update set
            position = excluded.position, error = excluded.error, at = clock_timestamp(),
            attempts = case when p.position = excluded.position then p.attempts + 1 else 1 end,
            parked_at = case when $5 <= case when p.position = excluded.position then p.attempts + 1 else 1 end
                then clock_timestamp() end
        returning stream_id, position, error, attempts, at, parked_at
        """,
        name,
        event.stream_id,
        event.position,
        describe(error),
        attempts,
    )
    assert row is not None  # noqa: S101 - an upsert returns its row
    failed = Parked(*row)
    if failed.parked_at is not None:
        log.error("stream_parked", projection=name, stream=event.stream_id, problem=failed.error)
    return failed


async def forget_failures(conn: "Connection", name: str) -> None:
    """Forget the failures of events that went well in the end."""
    await conn.execute("delete from projection.parked where projection = $1 and parked_at is null", name)


async def unpark(store: EventStore, projection: Projection, stream_id: str) -> int:
    """Take in what was left out of a parked stream, in order, and follow it again.

    Returns:
        How many events that were; 0 when the stream is not parked.

    Raises:
        StillParked: the event cannot be taken in yet.
    """
    try:
        async with store.pool.acquire() as conn, conn.transaction():
            return await _take_left_out(store, conn, projection, stream_id)
    except (*PASSING, *OURS):
        raise
    except Exception as error:
        await store.pool.execute(
            """
            update projection.parked set attempts = attempts + 1, error = $3, at = clock_timestamp()
            where projection = $1 and stream_id = $2
            """,
            projection.name,
            stream_id,
            describe(error),
        )
        message = f"{stream_id} stays parked in {projection.name}: {describe(error)}"
        raise StillParked(message) from error


async def _take_left_out(store: EventStore, conn: "Connection", projection: Projection, stream_id: str) -> int:
    await wait_for_turn(conn, projection.name)
    parked_at_position = await conn.fetchval(
        """
        delete from projection.parked where projection = $1 and stream_id = $2 and parked_at is not null
        returning position
        """,
        projection.name,
        stream_id,
    )
    if parked_at_position is None:
        return 0
    seen = await read_checkpoint(conn, projection.name)
    taken = 0
    async for event in store.stream(stream_id, conn=conn):
        if parked_at_position <= event.position <= seen.position:
            await projection.apply(conn, table_of(projection), [event])
            taken += 1
    return taken


def describe(error: BaseException) -> str:
    """Return a line about an error without what a database appends to it: the contents of rows."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:ERROR_CHARACTERS]
