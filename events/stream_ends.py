"""Where each stream ends, at one place of a pass over the log; in bounded memory, however many streams there are."""

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Final

from events.chain import BEFORE_THE_FIRST, Fault, Kind, RawEvent, StreamEnd, beginning
from events.head_map import HeadLeaf

if TYPE_CHECKING:
    from events.store import Connection

KEPT: Final = 25_000
"""So many streams are kept at least, and twice as many at most, at some 400 bytes each."""

PAGE: Final = 1000
END_TIMEOUT_S: Final = 6 * 3600.0

# Versions have no holes so far, so the first version below the one that comes is the end. By that version and not by
# position, for which there is no index.
_ENDS: Final = """
    select w.stream_id, e.version, e.hash, e.position
    from unnest($1::text[], $2::bigint[], $3::bigint[]) w (stream_id, version, position)
    cross join lateral (
        select version, hash, position from ledger.events e
        where e.stream_id = w.stream_id and e.version <= w.version and e.position < w.position
        order by version desc limit 1
    ) e
"""
# The streams are those that have a first event, and not those that a table beside the log tells of.
_ENDS_AT: Final = """
    select f.stream_id, e.version, e.hash
    from ledger.events f
    cross join lateral (
        select version, hash from ledger.events e
        where e.stream_id = f.stream_id and e.leaf_index < $1 and e.position <= $2 order by version desc limit 1
    ) e
    where f.version = 1 and f.leaf_index < $1 and f.position <= $2
    order by sha256(convert_to(f.stream_id, 'UTF8'))
"""
_DIFFERING: Final = """
    select s.stream_id, s.version, s.head_hash, s.position from ledger.streams s
    left join ledger.events e on e.stream_id = s.stream_id and e.version = s.version
    where e.hash is distinct from s.head_hash or e.position is distinct from s.position
        or exists (select from ledger.events n where n.stream_id = s.stream_id and n.version = s.version + 1)
"""
_UNRECORDED: Final = """
    select f.stream_id from ledger.events f
    where f.version = 1 and not exists (select from ledger.streams s where s.stream_id = f.stream_id)
"""
_LAST: Final = """
    select version, hash, position from ledger.events where stream_id = $1 order by version desc limit 1
"""

End = tuple[int, bytes, int, bytes]
"""A stream's last version, that event's hash and position, and the beginning of what is hashed for its events."""


class StreamEnds:
    """Keeps the ends of the streams that were met lately, and finds those of others in the log.

    Args:
        conn: a connection in the snapshot of the pass.
        kept: how many streams are kept at least.
        whole: whether the pass begins at the log's first event, so that a stream that was not met has none so far.
    """

    def __init__(self, conn: "Connection", kept: int = KEPT, *, whole: bool = True) -> None:
        self._conn, self._kept = conn, kept
        self._lately: dict[str, End] = {}
        self._before: dict[str, End] = {}
        self._forgot = not whole

    async def load(self, events: Iterable[RawEvent]) -> None:
        """Have the ends of these events' streams at hand."""
        if len(self._lately) >= self._kept:
            self._forgot = self._forgot or bool(self._before)
            self._before, self._lately = self._lately, {}
        if not self._forgot:
            return
        wanted: dict[str, RawEvent] = {}
        for event in events:
            if event.stream_id not in self._lately and event.stream_id not in self._before:
                wanted.setdefault(event.stream_id, event)
        columns = zip(*((one.stream_id, one.version, one.position) for one in wanted.values()), strict=True)
        for row in await self._conn.fetch(_ENDS, *columns) if wanted else ():
            self._lately[row[0]] = (row[1], row[2], row[3], beginning(row[0]))

    def find(self, stream_id: str) -> End | None:
        """Return the end of a stream that is at hand; ``None`` before its first event."""
        return self._lately.get(stream_id) or self._before.get(stream_id)

    def put(self, stream_id: str, end: End) -> None:
        """Note that a stream goes on."""
        self._lately[stream_id] = end

    async def heads(self, size: int, position: int) -> AsyncIterator[HeadLeaf]:
        """Yield where every stream ends after ``size`` events, the last of which has this position, by their keys.

        This is where the pass stands now.
        """
        if not self._forgot:
            ends = {**self._before, **self._lately}
            for leaf in sorted((HeadLeaf(name, end[0], end[1]) for name, end in ends.items()), key=HeadLeaf.key):
                yield leaf
            return
        async for leaf in heads_at(self._conn, size, position):
            yield leaf

    async def close(self) -> Fault | None:
        """Compare with where the streams are recorded to end; return the fault with the lowest position."""
        first: Fault | None = None
        async for row in self._conn.cursor(_DIFFERING, prefetch=PAGE, timeout=END_TIMEOUT_S):
            fault = _differing(row[0], await self._last(row[0]), StreamEnd(row[1], row[2], row[3]))
            first = fault if first is None else min(first, fault)
        async for row in self._conn.cursor(_UNRECORDED, prefetch=PAGE, timeout=END_TIMEOUT_S):
            end = await self._last(row[0])
            fault = Fault(end.position, row[0], end.version, "The stream's end is not recorded.", "inserted")
            first = fault if first is None else min(first, fault)
        return first

    async def _last(self, stream_id: str) -> StreamEnd:
        row = await self._conn.fetchrow(_LAST, stream_id)
        return StreamEnd(0, BEFORE_THE_FIRST, 0) if row is None else StreamEnd(*row)


async def heads_at(conn: "Connection", size: int, position: int) -> AsyncIterator[HeadLeaf]:
    """Yield where every stream ended after ``size`` events, the last of which has this position, by their keys."""
    async for row in conn.cursor(_ENDS_AT, size, position, prefetch=PAGE, timeout=END_TIMEOUT_S):
        yield HeadLeaf(row[0], row[1], row[2])


def _differing(stream_id: str, found: StreamEnd, recorded: StreamEnd) -> Fault:
    problem = f"The stream was recorded up to version {recorded.version} and ends at {found.version}."
    missing = found.version < recorded.version
    kind: Kind = "truncated" if missing else "forked" if found.version == recorded.version else "inserted"
    return Fault(recorded.position if missing else found.position, stream_id, found.version, problem, kind)
