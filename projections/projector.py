"""Following the log: batches from a checkpoint that commits with its own writes, whoever runs and however often.

One instance at a time works on a projection, by a lock of the transaction; should two, the checkpoint lets one commit.
An event that a projection cannot take in is tried again a few times, then its stream is parked and the others go on.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from events.envelope import Recorded
from events.store import EventStore
from projections.parking import OURS, PASSING, Parked, count_failure, describe, forget_failures, read_parked
from projections.projection import Projection, move_checkpoint, read_checkpoint, table_of, take_turn

if TYPE_CHECKING:
    from events.store import Connection

log = structlog.get_logger("projector")

BATCH = 500
ATTEMPTS = 5
BACKOFF_S = 0.1
BACKOFF_MAXIMUM_S = 30.0
POLL_S = 1.0
LINGER_S = 0.1
"""Between two rounds: a burst of appends becomes a few transactions, which do not contend with it for the disk."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: how many events it passed, and what it stumbled over, if anything."""

    passed: int
    stumbled: Parked | None = None


class Projector:
    """Keeps one projection up with the log.

    ``trouble`` is what is in the way, while something is.

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
        self.trouble: str | None = None

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
                self.trouble = describe(error)
                log.warning("projector_troubled", projection=self._projection.name, problem=self.trouble)
                await self._sleep(_backoff(troubles))
                continue
            troubles, self.trouble = 0, None
            if step.stumbled is not None and step.stumbled.parked_at is None:
                await self._sleep(_backoff(step.stumbled.attempts))
            elif step.passed < self._batch and step.stumbled is None:
                await self._wait()
                await self._sleep(LINGER_S)

    async def probe(self) -> Mapping[str, object]:
        """Tell readiness how it goes; what is behind is read, and people can sign in all the same."""
        return {"ok": self.trouble is None, "optional": True, **({"problem": self.trouble} if self.trouble else {})}

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
            except (*PASSING, *OURS):
                raise
            except Exception:  # noqa: BLE001 - whatever an event provokes is that event's problem
                async with conn.transaction():
                    return await self._take_singly(conn)

    async def _take_batch(self, conn: "Connection") -> Step:
        if not await take_turn(conn, self._projection.name):
            return Step(0)
        seen = await read_checkpoint(conn, self._projection.name)
        events = await self._store.read_all(seen.position, self._batch, conn=conn)
        if not events:
            return Step(0)
        troubled = await read_parked(conn, self._projection.name)
        parked = {one.stream_id for one in troubled if one.parked_at is not None}
        await self._apply(conn, [event for event in events if event.stream_id not in parked])
        if len(parked) < len(troubled):
            await forget_failures(conn, self._projection.name)
        await move_checkpoint(conn, self._projection.name, seen, events[-1].position)
        return Step(len(events))

    async def _take_singly(self, conn: "Connection") -> Step:
        if not await take_turn(conn, self._projection.name):
            return Step(0)
        name = self._projection.name
        seen = await read_checkpoint(conn, name)
        parked = {one.stream_id for one in await read_parked(conn, name) if one.parked_at is not None}
        position, passed, stumbled = seen.position, 0, None
        for event in await self._store.read_all(seen.position, self._batch, conn=conn):
            if event.stream_id not in parked:
                error = await self._try(conn, event)
                if error is not None:
                    stumbled = await count_failure(conn, name, event, error, self._attempts)
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
        except (*PASSING, *OURS):
            raise
        except Exception as error:  # noqa: BLE001 - kept with the event
            return error
        return None

    async def _apply(self, conn: "Connection", events: Sequence[Recorded]) -> None:
        if events:
            await self._projection.apply(conn, table_of(self._projection), events)


def _backoff(attempts: int) -> float:
    return float(min(BACKOFF_S * 2 ** min(attempts - 1, 20), BACKOFF_MAXIMUM_S))
