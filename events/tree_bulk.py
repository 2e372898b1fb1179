"""Taking a long piece of the log into the tree and the map at once: in one pass, and the map made anew at its end.

A batch looks up and writes the map's path of every stream that it goes on with, which for a million events of as many
streams is twenty million rows. Made anew in the order of keys, the map is two rows for each stream, and each is written
once.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from events.chain import Fault, RawEvent
from events.head_map import HeadLeaf, MapBuilder
from events.heads import NodeWriter, kept_heads
from events.log_check import LogCheck
from events.merkle import leaf_hash
from events.raw import raw_events
from events.stream_ends import heads_at
from events.tiles import grow

if TYPE_CHECKING:
    from events.store import Connection, EventStore

SLICE = 1 << 20
"""So many events one transaction takes in at most: the map is made anew for each."""

LEAVES_AT_ONCE = 2048

_POSITION = "select position from ledger.events where stream_id = $1 and version = $2"


class Taken(NamedTuple):
    """Where the tree stands after a slice: events, the last one's position, streams."""

    size: int
    position: int
    streams: int


async def take_slice(
    store: "EventStore", conn: "Connection", size: int, position: int, progress: Callable[[int], None]
) -> tuple[Taken | None, Fault | None]:
    """Take in up to ``SLICE`` events behind the first ``size``, in the caller's transaction, which locks the tree.

    Args:
        store: the log, through a pool that has another connection.
        conn: the connection of the transaction.
        size: how many events the tree has.
        position: of the last of them.
        progress: told of how many events are in.

    Returns:
        Where the tree stands now; or the first event that does not follow from what the tree and the map know, with
        which the transaction has to be given up.
    """
    # Where streams end is looked up in the log itself: it has to be the one that the map was made of.
    fault = await _differs(conn, size, position) if size else None
    if fault is not None:
        return None, fault
    check = LogCheck(conn, size, position)
    async with aclosing(_slices(store, position)) as pages:
        async for events in pages:
            fault = await check.take(events)
            if fault is not None:
                return None, fault
            before = check.events - len(events)
            leaves = [leaf_hash(event.hash) for event in events]
            await grow(conn, before, leaves, [event.position for event in events])
            progress(check.events)
    writer = NodeWriter(conn)
    await writer.clear()
    building, streams = MapBuilder(writer.put), 0
    async for leaf in heads_at(conn, check.events, check.position):
        building.add(leaf)
        streams += 1
        await writer.flush()
    building.finish()
    await writer.flush(rest=True)
    return Taken(check.events, check.position, streams), None


async def _slices(store: "EventStore", position: int) -> AsyncGenerator[list[RawEvent], None]:
    """Yield the slice's events in lists that the tree grows by at once."""
    waiting: list[RawEvent] = []
    async with aclosing(raw_events(store, position, limit=SLICE)) as pages:
        async for page in pages:
            waiting += page
            if len(waiting) >= LEAVES_AT_ONCE:
                yield waiting
                waiting = []
    if waiting:
        yield waiting


async def _differs(conn: "Connection", size: int, position: int) -> Fault | None:
    """Return the first stream that the log has otherwise than the map, by their keys."""
    known = kept_heads(conn)
    async for leaf in heads_at(conn, size, position):
        if await anext(known, None) != leaf:
            return await _other(conn, leaf)
    extra = await anext(known, None)
    return None if extra is None else await _other(conn, extra)


async def _other(conn: "Connection", leaf: HeadLeaf) -> Fault:
    problem = f"The stream {leaf.stream_id} ended otherwise when the tree was made of it."
    position = await conn.fetchval(_POSITION, leaf.stream_id, leaf.version) or 0
    return Fault(position, leaf.stream_id, leaf.version, problem, "forked")
