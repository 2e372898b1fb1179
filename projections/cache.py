"""Connections at hand, for the one path that everybody can call: initiate. Admission never reads from here.

What is at hand is at most ``MAX_AGE_S`` behind the database: a listener hears of each commit and asks what changed, and
asks all the same twice a second. When no answer came for that long, because the database, its connection or this
process stood still, every read goes to the database until one comes.
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from events.workspace import Workspace

if TYPE_CHECKING:
    Connect = Callable[[], Awaitable[asyncpg.Connection[asyncpg.Record]]]
    Load = Callable[[str], Awaitable[Workspace | None]]

log = structlog.get_logger("connection_cache")

CHANNEL: Final = "keyledger_events"
HEARTBEAT_S: Final = 0.5
PAUSE_S: Final = 0.02
"""Between two questions: under a storm of commits one answer tells of many."""
MAX_AGE_S: Final = 1.0
RECONNECT_S: Final = 0.5
MOST_ENTRIES: Final = 10_000
MOST_CHANGES: Final = 1_000

_CHANGED: Final = """
    select (select max(epoch) from ledger.epochs) as epoch, coalesce(head.position, 0) as head, head.hash as mark,
           $1 = 0 or exists (select from ledger.events where position = $1 and hash = $3) as went_on,
           (
               select array_agg(e.stream_id) from (
                   select stream_id from ledger.events where position > $1 order by position limit $2
               ) e
           ) as streams,
           clock_timestamp() - (
               select recorded_at from ledger.events where position > $1 order by position limit 1
           ) as lag
    from (values (1)) one
    left join lateral (select position, hash from ledger.events order by position desc limit 1) head on true
"""

_LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


@dataclass(frozen=True, slots=True)
class Setback:
    """The log went back: the event at position ``seen`` is gone, which was the last one in the epoch ``before``.

    It ends at position ``head`` now, in the epoch ``epoch``.
    """

    seen: int
    before: int
    head: int
    epoch: int


async def _nothing(_setback: Setback) -> None:
    """Do nothing about a log that went back."""


class ConnectionCache:
    """Committed connections by slug, slugs that do not exist among them.

    Args:
        load: reads one connection from the database.
        connect: opens the connection that listens; it belongs to the cache.
        measured: called with the seconds from a commit's time to its being dropped here.
        heard: called when there are new events, for others who follow the log.
        went_back: awaited when the log went back, after what was at hand was dropped.
    """

    def __init__(
        self,
        load: "Load",
        connect: "Connect",
        *,
        measured: Callable[[float], None] = lambda _seconds: None,
        heard: Callable[[], None] = lambda: None,
        went_back: Callable[[Setback], Awaitable[None]] = _nothing,
    ) -> None:
        self._load = load
        self._connect = connect
        self._measured = measured
        self._heard = heard
        self._went_back = went_back
        self._entries: OrderedDict[str, Workspace | None] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Workspace | None]] = {}
        self._clock = asyncio.get_running_loop().time
        self._confirmed_at = float("-inf")
        self._woken = asyncio.Event()
        self._position = 0
        self._mark = b""
        self._epoch = 0

    @property
    def age(self) -> float:
        """Seconds since the database last confirmed what is at hand; infinite when it never did."""
        return self._clock() - self._confirmed_at

    @property
    def alive(self) -> bool:
        """Whether reads are answered from what is at hand."""
        return self.age < MAX_AGE_S

    def peek(self, slug: str) -> Workspace | None:
        """Return the connection if it happens to be at hand, however old; for what is only written down."""
        return self._entries.get(slug)

    def at_hand(self, slug: str) -> Workspace | None:
        """Return the connection if it is at hand and confirmed lately, as :meth:`get` would, without waiting."""
        if self._clock() - self._confirmed_at >= MAX_AGE_S:
            return None
        return self._entries.get(slug)

    async def get(self, slug: str) -> Workspace | None:
        """Return the workspace's connection, ``None`` when there is no such workspace."""
        if not self.alive:
            return await self._load(slug)
        try:
            found = self._entries[slug]
        except KeyError:
            return await self._share_load(slug)
        self._entries.move_to_end(slug)
        return found

    async def _share_load(self, slug: str) -> Workspace | None:
        task = self._loading.get(slug)
        if task is None:
            task = self._loading[slug] = asyncio.create_task(self._load_and_keep(slug))
        # One caller that goes away must not take the answer from the others.
        return await asyncio.shield(task)

    async def _load_and_keep(self, slug: str) -> Workspace | None:
        this = asyncio.current_task()
        try:
            found = await self._load(slug)
            # A change that was heard of meanwhile has taken this load out: it may have read the state before it. What
            # is later than the last event seen would stay unnoticed where a backup takes that away.
            late = found is not None and found.position > self._position
            if self._loading.get(slug) is this and self.alive and not late:
                self._entries[slug] = found
                if len(self._entries) > MOST_ENTRIES:
                    self._entries.popitem(last=False)
            return found
        finally:
            if self._loading.get(slug) is this:
                del self._loading[slug]

    def _drop(self, slugs: list[str]) -> None:
        for slug in slugs:
            self._entries.pop(slug, None)
            self._loading.pop(slug, None)

    def _empty(self) -> None:
        self._entries.clear()
        self._loading.clear()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["ConnectionCache"]:
        """Keep what is at hand fresh for as long as the context lasts."""
        task = asyncio.create_task(self._keep_listening())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._listen()
            except _LOST as error:
                log.warning("listener_lost", problem=type(error).__name__)
            self._confirmed_at = float("-inf")
            self._empty()
            await asyncio.sleep(RECONNECT_S * (0.5 + random.random()))  # noqa: S311 - spreads instances, hides nothing

    async def _listen(self) -> None:
        async with asyncio.timeout(2 * MAX_AGE_S):
            connection = await self._connect()
        try:
            async with asyncio.timeout(2 * MAX_AGE_S):
                await connection.add_listener(CHANNEL, lambda *_: self._woken.set())
            while True:
                self._woken.clear()
                await self._ask(connection)
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_S):
                        await self._woken.wait()
                await asyncio.sleep(PAUSE_S)
        finally:
            connection.terminate()

    async def _ask(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        asked_at = self._clock()
        async with asyncio.timeout(MAX_AGE_S):
            row = await connection.fetchrow(_CHANGED, self._position, MOST_CHANGES, self._mark)
        assert row is not None  # noqa: S101 - one row of values
        streams, epoch, head = row["streams"] or [], row["epoch"], row["head"]
        setback = None if row["went_on"] else Setback(self._position, self._epoch, head, epoch)
        if not self.alive or epoch != self._epoch or setback is not None or len(streams) >= MOST_CHANGES:
            self._empty()
        else:
            self._drop(streams)
            if row["lag"] is not None:
                self._measured(row["lag"] / timedelta(seconds=1))
        self._position, self._mark, self._epoch, self._confirmed_at = head, row["mark"] or b"", epoch, asked_at
        if setback is not None:
            await self._went_back(setback)
        if streams or setback is not None:
            self._heard()
