"""Checking one stream in the database, without reading the others."""

from typing import TYPE_CHECKING

from events.chain import BEFORE_THE_FIRST, Fault, RawEvent, StreamEnd, follows
from events.diagnosis import explain
from events.heads import head_proof
from events.merkle import leaf_hash
from events.signed import latest_checkpoint
from events.tree_memory import TreeMemory
from events.verify import Verified

if TYPE_CHECKING:
    from events.store import Connection, EventStore

BATCH = 1000

_EVENTS = """
    select position, stream_id, version, leaf_index, (extract(epoch from recorded_at) * 1000000)::bigint,
        convert_to(canonical, 'UTF8'), hash
    from ledger.events where stream_id = $1 and version > $2 order by version limit $3
"""
_END = "select version, head_hash, position from ledger.streams where stream_id = $1"


async def verify_stream_in(store: "EventStore", stream_id: str) -> Verified:
    """Check a stream's chain, its place in the kept tree and its end; name the first position that does not hold.

    Args:
        store: the log.
        stream_id: a stream; one without events holds, and ``streams`` is 0.
    """
    async with store.pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        end, fault = await _check(conn, stream_id)
        fault = fault or await _check_end(conn, stream_id, end)
        latest = await latest_checkpoint(conn)
        covered = await head_proof(conn, stream_id)
    count = 0 if latest is None or covered is None else covered[0].version
    return Verified(end.version, min(end.version, 1), fault, 0 if latest is None else 1, count)


async def _check(conn: "Connection", stream_id: str) -> tuple[StreamEnd, Fault | None]:
    end, memory = StreamEnd(0, BEFORE_THE_FIRST, 0), TreeMemory(conn)
    while rows := await conn.fetch(_EVENTS, stream_id, end.version, BATCH):
        events = [RawEvent(*row) for row in rows]
        remembered = await memory.find_all([event.leaf_index for event in events])
        for event in events:
            fault = follows(event, end)
            if fault is not None:
                return end, await explain(conn, memory, event, event.leaf_index, fault)
            known = remembered.get(event.leaf_index)
            if known is not None and known.leaf != leaf_hash(event.hash):
                problem = "Another event was recorded here: the log was written anew from this position on."
                return end, Fault(event.position, stream_id, event.version, problem, "forked")
            end = StreamEnd(event.version, event.hash, event.position)
    return end, None


async def _check_end(conn: "Connection", stream_id: str, end: StreamEnd) -> Fault | None:
    row = await conn.fetchrow(_END, stream_id)
    recorded = StreamEnd(0, BEFORE_THE_FIRST, 0) if row is None else StreamEnd(*row)
    kept = await head_proof(conn, stream_id)
    longest = max(recorded.version, 0 if kept is None else kept[0].version)
    if longest > end.version:
        problem = f"The stream had {longest} events and ends at version {end.version}: its end was cut off."
        return Fault(end.position + 1, stream_id, end.version + 1, problem, "truncated")
    if recorded != end:
        return Fault(end.position, stream_id, end.version, "The stream's end is not recorded.", "inserted")
    return None
