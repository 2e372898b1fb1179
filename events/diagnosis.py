"""What was done to the log, told from the first event that does not hold and from what the kept tree remembers."""

from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from events.chain import Fault, RawEvent
from events.merkle import leaf_hash
from events.tree_memory import TreeMemory

if TYPE_CHECKING:
    from events.store import Connection

_BY_LEAF = "select position from ledger.events where leaf_index = $1"
_STREAM = "select version from ledger.streams where stream_id = $1"
_BY_ID = "select position from ledger.events where event_id = $1 and position <> $2"


async def explain(conn: "Connection", memory: TreeMemory, event: RawEvent, number: int, fault: Fault) -> Fault:
    """Return the fault with what was done to the log, and the position where it begins.

    Args:
        conn: a connection in the snapshot that is looked at.
        memory: what the tree remembers.
        event: the first event that does not hold.
        number: the leaf that belongs in its place.
        fault: how it does not hold.
    """
    if event.leaf_index != number:
        return await _misplaced(conn, memory, event, number, fault)
    known, leaf = await memory.find(number), leaf_hash(event.hash)
    if known is None and event.version > (await conn.fetchval(_STREAM, event.stream_id) or 0):
        return fault._replace(problem="This event was put in: its stream has no such version.", kind="inserted")
    if known is None or known.leaf == leaf:
        where = await _recorded_elsewhere(conn, event)
        if where is not None:
            problem = f"The content of the event at position {where} stands here: events were moved."
            return fault._replace(problem=problem, kind="reordered")
        return fault
    if await memory.knows(leaf):
        problem = "An event stands here that was recorded in another place: events were moved."
        return fault._replace(problem=problem, kind="reordered")
    return fault


async def _misplaced(conn: "Connection", memory: TreeMemory, event: RawEvent, number: int, fault: Fault) -> Fault:
    if await conn.fetchval(_BY_LEAF, number) is None:
        known = await memory.find(number)
        problem = "The event that was recorded here is not there any more."
        if known is None:
            return fault._replace(problem=f"{fault.problem} Events before this one are missing.", kind="removed")
        return Fault(known.position, "", 0, problem, "removed")
    known = await memory.find(event.leaf_index)
    moved = known is not None and known.leaf == leaf_hash(event.hash)
    if moved:
        problem = "An event stands here that was recorded in another place: events were moved."
        return fault._replace(problem=problem, kind="reordered")
    problem = "This event was put in between events that were recorded without it."
    return fault._replace(problem=problem, kind="inserted")


async def _recorded_elsewhere(conn: "Connection", event: RawEvent) -> int | None:
    try:
        event_id = UUID(orjson.loads(event.canonical)["event_id"])
    except (ValueError, LookupError, TypeError):
        return None
    position: int | None = await conn.fetchval(_BY_ID, event_id, event.position)
    return position
