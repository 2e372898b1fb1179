"""Checking the whole log in the database: the hash chain, the order, and that nothing is missing."""

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.chain import Fault, LogCheck, StreamEnd
from events.replay import raw_events

if TYPE_CHECKING:
    from events.store import Connection, EventStore

# Columns for lookups repeat what the canonical text says; none of them is hashed by itself.
_UNTRUE_COLUMNS = """
    select position, stream_id, version from ledger.events
    where type <> body ->> 'type' or schema_version <> (body ->> 'schema_version')::int
        or event_id <> (body ->> 'event_id')::uuid or body <> canonical::jsonb
    order by position limit 1
"""
_STREAMS = "select stream_id, version, head_hash, position from ledger.streams"


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found. The log holds if ``fault`` is None; the counts are of what was checked before a fault."""

    events: int
    streams: int
    fault: Fault | None


async def verify_log(store: "EventStore") -> Verified:
    """Check the log from its first event to its last, of one snapshot, while appends go on.

    Names the first position that does not hold. A log whose end was cut off together with the record of where its
    streams end holds in itself; a signed checkpoint kept elsewhere tells.
    """
    check = LogCheck()
    async with store.pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        fault = await _check_events(store, conn, check)
        if fault is None:
            rows = await conn.fetch(_STREAMS)
            streams = check.streams
            fault = check.close((row[0], StreamEnd(row[1], row[2], row[3])) for row in rows)
        else:
            streams = check.streams
        untrue = await conn.fetchrow(_UNTRUE_COLUMNS, timeout=3600.0)
    if untrue is not None and (fault is None or untrue["position"] < fault.position):
        problem = "A column does not say what the recorded content says."
        fault = Fault(untrue["position"], untrue["stream_id"], untrue["version"], problem)
    return Verified(check.events, streams, fault)


async def _check_events(store: "EventStore", conn: "Connection", check: LogCheck) -> Fault | None:
    async with aclosing(raw_events(store, conn=conn)) as buffers:
        async for buffer in buffers:
            for event in buffer:
                fault = check.take(event)
                if fault is not None:
                    return fault
    return None
