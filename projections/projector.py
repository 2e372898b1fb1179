"""Following the log: batches from a checkpoint that commits with its own writes, whoever runs and however often.

One instance at a time works on a projection, by a lock of the transaction; should two, the checkpoint lets one commit.
An event that a projection cannot take in is tried again a few times, then its stream is parked and the others go on.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
import structlog

from events.envelope import Recorded
from events.store import EventStore
from events.store_errors import LOST
from projections.projection import (
    CheckpointMoved,
    LogWentBack,
    Parked,
    Projection,
    lock_of,
    move_checkpoint,
    read_checkpoint,
    read_parked,
    table_of,
)

if TYPE_CHECKING:
    from events.store import Connection

log = structlog.get_logger("projector")

BATCH = 500
ATTEMPTS = 5
BACKOFF_S = 0.1
BACKOFF_MAXIMUM_S = 30.0
POLL_S = 1.0
ERROR_CHARACTERS = 300

Sleep = Callable[[float], Awaitable[None]]

_PASSING = (
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

_OURS = (LogWentBack, asyncpg.SyntaxOrAccessError)
"""Trouble with the projection itself: parking streams one by one would only hide it."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: how many events it passed, and what it stumbled over, if anything."""

    passed: int
    stumbled: Parked | None = None


class StillParked(Exception):  # noqa: N818 - named by what happened
    """The stream could not be un-parked: its event cannot be taken in yet. Everything is as before."""


class Projector:
    """Keeps one projection up with the log.

    Args:
        store: the log, through a pool of the runtime role.
        projection: what is kept up.
        batch: how many events one transaction takes in at most.
        attempts: how often an event is tried before its stream is parked.
        sleep: waits the given seconds; tests pass their own.
    """

    def __init__(
        self,
        store: EventStore,
        projection: Projection,
        *,
        batch: int = BATCH,
        attempts: int = ATTEMPTS,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store, self._projection = store, projection
        self._batch, self._attempts, self._sleep = batch, attempts, sleep
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for new events now, and not only at the next poll."""
        self._woken.set()

    async def run(self) -> None:
        """Follow the log until cancelled. Trouble that passes is waited out."""
        troubles = 0
        while True:
            self._woken.clear()
            try:
                step = await self.step()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - a loop that ended would leave the projection behind unseen
                troubles += 1
                log.warning("projector_troubled", projection=self._projection.name, problem=describe(error))
                await self._sleep(_backoff(troubles))
                continue
            troubles = 0
            if step.stumbled is not None and step.stumbled.parked_at is None:
                await self._sleep(_backoff(step.stumbled.attempts))
            elif step.passed < self._batch and step.stumbled is None:
                await self._wait()

    async def _wait(self) -> None:
        # Spread, so that the instances do not all ask at once.
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_S * (0.75 + random.random() / 2)):  # noqa: S311 - hides nothing
                await self._woken.wait()

    async def catch_up(self) -> int:
        """Take steps until the log's end is reached or somebody else is at work; return how many events were passed."""
        passed = 0
        while True:
            step = await self.step()
            passed += step.passed
            if step.stumbled is not None and step.stumbled.parked_at is None:
                await self._sleep(_backoff(step.stumbled.attempts))
            elif step.passed < self._batch and step.stumbled is None:
                return passed

    async def step(self) -> Step:
        """Take in one batch, all of it or none; if that fails, event by event up to the one that cannot be taken in.

        Raises:
            LogWentBack: the projection has to be rebuilt.
            CheckpointMoved: another instance was faster.
        """
        async with self._store.pool.acquire() as conn:
            try:
                async with conn.transaction():
                    return await self._take_batch(conn)
            except (*_PASSING, *_OURS):
                raise
            except Exception:  # noqa: BLE001 - whatever an event provokes is that event's problem
                async with conn.transaction():
                    return await self._take_singly(conn)

    async def _take_batch(self, conn: "Connection") -> Step:
        if not await self._lock(conn):
            return Step(0)
        seen = await read_checkpoint(conn, self._projection.name)
        events = await self._store.read_all(seen.position, self._batch, conn=conn)
        if not events:
            return Step(0)
        troubled = await read_parked(conn, self._projection.name)
        parked = {one.stream_id for one in troubled if one.parked_at is not None}
        await self._apply(conn, [event for event in events if event.stream_id not in parked])
        if len(parked) < len(troubled):
            await self._forget_stumbles(conn)
        await move_checkpoint(conn, self._projection.name, seen, events[-1].position)
        return Step(len(events))

    async def _take_singly(self, conn: "Connection") -> Step:
        if not await self._lock(conn):
            return Step(0)
        name = self._projection.name
        seen = await read_checkpoint(conn, name)
        parked = {one.stream_id for one in await read_parked(conn, name) if one.parked_at is not None}
        position, passed, stumbled = seen.position, 0, None
        for event in await self._store.read_all(seen.position, self._batch, conn=conn):
            if event.stream_id not in parked:
                error = await self._try(conn, event)
                if error is not None:
                    stumbled = await self._count(conn, event, error)
                    if stumbled.parked_at is None:
                        break
                    parked.add(event.stream_id)
            position, passed = event.position, passed + 1
        if passed:
            await move_checkpoint(conn, name, seen, position)
        return Step(passed, stumbled)

    async def _try(self, conn: "Connection", event: Recorded) -> Exception | None:
        try:
            async with conn.transaction():
                await self._apply(conn, [event])
        except (*_PASSING, *_OURS):
            raise
        except Exception as error:  # noqa: BLE001 - kept with the event
            return error
        return None

    async def _apply(self, conn: "Connection", events: Sequence[Recorded]) -> None:
        if events:
            await self._projection.apply(conn, table_of(self._projection), events)

    async def _count(self, conn: "Connection", event: Recorded, error: Exception) -> Parked:
        row = await conn.fetchrow(
            """
            insert into projection.parked as p (projection, stream_id, position, error, attempts, parked_at)
            values ($1, $2, $3, $4, 1, case when $5 <= 1 then clock_timestamp() end)
            on conflict (projection, stream_id) do update set
                position = excluded.position, error = excluded.error, at = clock_timestamp(),
                attempts = case when p.position = excluded.position then p.attempts + 1 else 1 end,
                parked_at = case when p.position = excluded.position and p.attempts + 1 >= $5
                    then clock_timestamp() end
            returning stream_id, position, error, attempts, at, parked_at
            """,
            self._projection.name,
            event.stream_id,
            event.position,
            describe(error),
            self._attempts,
        )
        assert row is not None  # noqa: S101 - an upsert returns its row
        stumbled = Parked(*row)
        if stumbled.parked_at is not None:
            log.error("stream_parked", projection=self._projection.name, stream=event.stream_id, problem=stumbled.error)
        return stumbled

    async def _forget_stumbles(self, conn: "Connection") -> None:
        await conn.execute(
            "delete from projection.parked where projection = $1 and parked_at is null", self._projection.name
        )

    async def _lock(self, conn: "Connection") -> bool:
        query = "select pg_try_advisory_xact_lock(hashtextextended($1, 0))"
        return bool(await conn.fetchval(query, lock_of(self._projection.name)))

    async def unpark(self, stream_id: str) -> int:
        """Take in what was left out of a parked stream, in order, and follow it again; return how many events that were.

        Raises:
            StillParked: the event cannot be taken in yet.
        """
        try:
            async with self._store.pool.acquire() as conn, conn.transaction():
                return await self._take_left_out(conn, stream_id)
        except (*_PASSING, *_OURS):
            raise
        except Exception as error:
            await self._store.pool.execute(
                """
                update projection.parked set attempts = attempts + 1, error = $3, at = clock_timestamp()
                where projection = $1 and stream_id = $2
                """,
                self._projection.name,
                stream_id,
                describe(error),
            )
            message = f"{stream_id} stays parked in {self._projection.name}: {describe(error)}"
            raise StillParked(message) from error

    async def _take_left_out(self, conn: "Connection", stream_id: str) -> int:
        name = self._projection.name
        await conn.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", lock_of(name))
        row = await conn.fetchrow(
            """
            delete from projection.parked where projection = $1 and stream_id = $2 and parked_at is not null
            returning position
            """,
            name,
            stream_id,
        )
        if row is None:
            return 0
        seen = await read_checkpoint(conn, name)
        taken = 0
        async for event in self._store.stream(stream_id, conn=conn):
            if row["position"] <= event.position <= seen.position:
                await self._apply(conn, [event])
                taken += 1
        return taken


def describe(error: BaseException) -> str:
    """Return a line about an error without what a database appends to it: the contents of rows."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:ERROR_CHARACTERS]


def _backoff(attempts: int) -> float:
    return min(BACKOFF_S * 2 ** min(attempts - 1, 20), BACKOFF_MAXIMUM_S)
