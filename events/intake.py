"""How the Merkle tree and the map of streams' ends take the log in: only what follows from what is in already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.chain import BEFORE_THE_FIRST, Fault, RawEvent, StreamEnd, follows
from events.head_map import HeadLeaf, HeadMap
from events.heads import load_heads, save_heads
from events.merkle import leaf_hash
from events.progress import Progress, unseen
from events.store import EventStore
from events.tiles import grow
from events.tree_bulk import take_slice

if TYPE_CHECKING:
    from events.store import Connection

_EVENTS = """
    select position, stream_id, version, leaf_index, (extract(epoch from recorded_at) * 1000000)::bigint,
        convert_to(canonical, 'UTF8'), hash
    from ledger.events where position > $1 order by position limit $2
"""
_SIZE = "select coalesce(max(leaf_index), -1) + 1 from ledger.events"
_STATE = "select size, position, streams from ledger.tree_state"
_MOVE = "update ledger.tree_state set size = $2, position = $3, streams = $4 where size = $1 returning true"


class LogDoesNotHold(Exception):
    """An event does not follow from those before it: nothing is signed from there on."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"The log does not hold at position {fault.position}: {fault.problem}")
        self.fault = fault


class NotaryBusy(Exception):
    """Another instance moved the tree meanwhile; this batch was rolled back."""


@dataclass(frozen=True, slots=True)
class TreeState:
    """How far the tree and the map have come: events, the last one's position, streams."""

    size: int
    position: int
    streams: int


async def tree_state(conn: "Connection") -> TreeState:
    """Return how far the tree has come."""
    row = await conn.fetchrow(_STATE)
    return TreeState(0, 0, 0) if row is None else TreeState(*row)


async def take_in(
    store: EventStore, conn: "Connection", batch: int, bulk_from: int, progress: Progress = unseen
) -> TreeState | None:
    """Take in one batch, or much at once; return where the tree stands if that was all there is.

    Args:
        store: the log.
        conn: with a transaction of the caller's, which whoever takes in holds alone.
        batch: how many events are taken in at most, one by one.
        bulk_from: from how many events on, and a sixteenth of the map's streams, all are, with the map made anew.
        progress: told of how many events of how many are in, where it is much.

    Raises:
        LogDoesNotHold: an event does not follow from those before it.
        NotaryBusy: another instance moved the tree meanwhile.
    """
    state = await tree_state(conn)
    behind = await conn.fetchval(_SIZE) - state.size
    if behind >= max(bulk_from, state.streams // 16):
        await _take_much(store, conn, state, lambda done: progress(done, state.size + behind))
        return None
    events = [RawEvent(*row) for row in await conn.fetch(_EVENTS, state.position, batch)]
    if not events:
        await _refuse_a_shorter_log(conn, state)
        return state
    heads = await load_heads(conn, {event.stream_id for event in events})
    _check(events, state, heads)
    heads.settle()
    await save_heads(conn, heads)
    leaves, positions = [leaf_hash(event.hash) for event in events], [event.position for event in events]
    await grow(conn, state.size, leaves, positions)
    after = TreeState(state.size + len(events), positions[-1], state.streams + heads.added)
    await _move(conn, state, after)
    return after if len(events) < batch else None


async def _take_much(store: EventStore, conn: "Connection", state: TreeState, progress: Callable[[int], None]) -> None:
    taken, fault = await take_slice(store, conn, state.size, state.position, progress)
    if taken is None:
        assert fault is not None  # noqa: S101 - one of both
        raise LogDoesNotHold(fault)
    await _move(conn, state, TreeState(*taken))


async def _move(conn: "Connection", before: TreeState, after: TreeState) -> None:
    if not await conn.fetchval(_MOVE, before.size, after.size, after.position, after.streams):
        raise NotaryBusy


def _check(events: Sequence[RawEvent], state: TreeState, heads: HeadMap) -> None:
    ends: dict[str, StreamEnd] = {}
    for number, event in enumerate(events, start=state.size):
        end = ends.get(event.stream_id) or _known_end(heads, event.stream_id)
        fault = follows(event, end)
        if event.leaf_index != number:
            problem = f"It is leaf {event.leaf_index} where leaf {number} belongs."
            fault = Fault(event.position, event.stream_id, event.version, problem, "removed")
        if fault is not None:
            raise LogDoesNotHold(fault)
        ends[event.stream_id] = StreamEnd(event.version, event.hash, event.position)
    # Once for each stream: every change costs the hashes on its whole path.
    for stream_id, end in ends.items():
        heads.put(HeadLeaf(stream_id, end.version, end.hash))


def _known_end(heads: HeadMap, stream_id: str) -> StreamEnd:
    known = heads.find(stream_id)
    return StreamEnd(0, BEFORE_THE_FIRST, 0) if known is None else StreamEnd(known.version, known.head, 0)


async def _refuse_a_shorter_log(conn: "Connection", state: TreeState) -> None:
    head = await conn.fetchval("select coalesce(max(position), 0) from ledger.events")
    if head < state.position:
        problem = f"The log ends here, and reached position {state.position} before."
        raise LogDoesNotHold(Fault(head + 1, "", 0, problem, "truncated"))
