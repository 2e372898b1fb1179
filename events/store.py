"""The event store: appends to one stream at a time, and reads of a stream and of the whole log."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson

from events import envelope
from events.envelope import Context, NewEvent, Prepared, Recorded
from events.ids import NewId, uuid7
from events.rows import COLUMNS, appended, recorded
from events.store_errors import LOST, EventIdConflict, InvalidAppend, StoreBusy, StoreError, VersionConflict, translate
from events.workspace import FOLD_VERSION

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

__all__ = [
    "ANY_VERSION",
    "NO_STREAM",
    "Appended",
    "EventIdConflict",
    "EventStore",
    "Head",
    "InvalidAppend",
    "StoreBusy",
    "StoreError",
    "VersionConflict",
]

NO_STREAM = 0
"""Expected version: the stream must not exist yet."""

ANY_VERSION = -1
"""Expected version: whatever it is."""

APPEND_TIMEOUT_S = 8.0
PAGE = 1000
PAGE_MAXIMUM = 10_000

_APPEND = """
    select version, position, leaf_index, recorded_at, hash, replayed
    from ledger.append($1, $2, $3, $4::text::jsonb, $5)
"""
_STREAM = f"select {COLUMNS} from ledger.events where stream_id = $1 and version > $2 order by version limit $3"
_STREAM_UNTIL = f"""
    select {COLUMNS} from ledger.events where stream_id = $1 and version > $2 and recorded_at <= $4
    order by version limit $3
"""
_ALL = f"select {COLUMNS} from ledger.events where position > $1 order by position limit $2"
_MARK = "select hash from ledger.events where position <= $1 order by position desc limit 1"
_HEAD = """
    select e.position, e.leaf_index, e.recorded_at, (select max(epoch) from ledger.epochs) as epoch
    from (values (1)) one left join lateral (
        select position, leaf_index, recorded_at from ledger.events order by position desc limit 1
    ) e on true
"""


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append recorded, in order. ``replayed``: it had been recorded before, and nothing was added now."""

    recorded: list[Recorded]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the log: its last position and time (0 and None while it is empty), its size, and its epoch.

    ``size`` counts events, which are the leaves of the Merkle tree. ``epoch`` rises when a backup was restored, and is
    never given twice.
    """

    position: int
    size: int
    recorded_at: datetime | None
    epoch: int


class EventStore:
    """The log in PostgreSQL, through a pool of the runtime role.

    Every method takes ``conn`` to take part in the caller's transaction, which has to be READ COMMITTED.
    """

    def __init__(self, pool: "Pool", *, new_id: NewId = uuid7) -> None:
        self.pool = pool
        self._new_id = new_id

    def prepare(
        self, events: Iterable[NewEvent], context: Context, event_ids: Sequence[UUID] | None = None
    ) -> list[Prepared]:
        """Return the events with ids and canonical text. The same ids again make the same append again.

        Raises:
            Refusal: ``data_invalid``, when the content cannot be kept.
        """
        decided = list(events)
        ids = [self._new_id() for _ in decided] if event_ids is None else event_ids
        return [envelope.prepare(event, context, id_) for event, id_ in zip(decided, ids, strict=True)]

    async def append(
        self,
        stream_id: str,
        expected: int,
        events: Sequence[Prepared],
        document: Mapping[str, Any] | None = None,
        *,
        conn: "Connection | None" = None,
        fold_version: int = FOLD_VERSION,
    ) -> Appended:
        """Record all events or none, in one round trip, and the connection read model with them.

        Without ``conn`` it is a transaction of its own, tried once more on a new connection when the connection is
        lost: the event ids tell whether the first try took effect. In the caller's transaction the log stays locked
        for everybody until that ends; append last.

        Args:
            stream_id: the workspace's slug, or the system stream.
            expected: the stream's version now, ``NO_STREAM`` or ``ANY_VERSION``.
            events: 1 to 1000, of one decision.
            document: the read model after these events (``Workspace.to_document``); None for the system stream.
            conn: the connection of the caller's transaction.
            fold_version: of the fold that made the document.

        Raises:
            VersionConflict: the stream is at another version.
            EventIdConflict: an event id was used for something else.
            InvalidAppend: the events or the document are none.
            StoreBusy: the log was locked for more than five seconds.
            TimeoutError: no answer in time; only the same append again tells whether it took effect.
        """
        texts = [event.canonical for event in events]
        text = None if document is None else orjson.dumps(document).decode()
        arguments = (stream_id, expected, texts, text, fold_version)
        try:
            rows = await self._fetch_append(conn, arguments)
        except asyncpg.PostgresError as error:
            translate(error, stream_id, expected)
        recorded_events = [appended(row, stream_id, event) for row, event in zip(rows, events, strict=True)]
        return Appended(recorded_events, rows[0]["replayed"])

    async def _fetch_append(self, conn: "Connection | None", arguments: tuple[Any, ...]) -> list[asyncpg.Record]:
        if conn is not None:
            return await conn.fetch(_APPEND, *arguments, timeout=APPEND_TIMEOUT_S)
        try:
            return await self.pool.fetch(_APPEND, *arguments, timeout=APPEND_TIMEOUT_S)
        except LOST:
            # What ended this connection may have ended the others that wait in the pool.
            await self.pool.expire_connections()
            return await self.pool.fetch(_APPEND, *arguments, timeout=APPEND_TIMEOUT_S)

    async def read_stream(
        self,
        stream_id: str,
        after_version: int = 0,
        limit: int = PAGE,
        *,
        until: datetime | None = None,
        conn: "Connection | None" = None,
    ) -> list[Recorded]:
        """Return the stream's events after a version, oldest first, at most ``limit`` (up to 10,000).

        Args:
            stream_id: a stream; one that does not exist has no events.
            after_version: the last version already known.
            limit: how many at most.
            until: only what was recorded up to this moment, inclusive.
            conn: the connection of the caller's transaction.

        Raises:
            ValueError: ``until`` has no time zone, or ``limit`` is out of bounds.
        """
        _check_limit(limit)
        async with self._reading(conn) as reading:
            if until is None:
                rows = await reading.fetch(_STREAM, stream_id, after_version, limit)
            else:
                rows = await reading.fetch(_STREAM_UNTIL, stream_id, after_version, limit, _aware(until))
        return [recorded(row) for row in rows]

    async def stream(
        self, stream_id: str, *, until: datetime | None = None, conn: "Connection | None" = None
    ) -> AsyncIterator[Recorded]:
        """Yield all events of a stream, oldest first, a page at a time."""
        version = 0
        while page := await self.read_stream(stream_id, version, until=until, conn=conn):
            for event in page:
                yield event
            version = page[-1].version

    async def read_all(self, after: int = 0, limit: int = PAGE, *, conn: "Connection | None" = None) -> list[Recorded]:
        """Return the events of all streams after a position, oldest first, at most ``limit`` (up to 10,000).

        Who has seen a position never finds an event at or below it later; within one epoch.

        Raises:
            ValueError: ``limit`` is out of bounds.
        """
        _check_limit(limit)
        async with self._reading(conn) as reading:
            rows = await reading.fetch(_ALL, after, limit)
        return [recorded(row) for row in rows]

    async def mark(self, position: int, *, conn: "Connection | None" = None) -> bytes | None:
        """Return the hash of the last event up to a position; None where there is none.

        As long as it is the same, whoever has read up to there has read this log, and may go on.
        """
        async with self._reading(conn) as reading:
            found: bytes | None = await reading.fetchval(_MARK, position)
        return found

    async def head(self, *, conn: "Connection | None" = None) -> Head:
        """Return where the log ends."""
        async with self._reading(conn) as reading:
            row = await reading.fetchrow(_HEAD)
        if row is None or row["position"] is None:
            return Head(0, 0, None, 1 if row is None else row["epoch"])
        return Head(row["position"], row["leaf_index"] + 1, row["recorded_at"], row["epoch"])

    @asynccontextmanager
    async def _reading(self, conn: "Connection | None") -> AsyncIterator["Connection"]:
        if conn is not None:
            yield conn
        else:
            async with self.pool.acquire() as own:
                yield own


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= PAGE_MAXIMUM:
        message = f"A page has 1 to {PAGE_MAXIMUM} events."
        raise ValueError(message)


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        message = "A moment without a time zone is another moment on every machine."
        raise ValueError(message)
    return instant.astimezone(UTC)
