"""The audit timeline: who did what, when and why, one entry for each event of every stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

import orjson

from events.envelope import Recorded
from projections.summaries import summarise

if TYPE_CHECKING:
    from events.store import Connection, Pool

PAGE_MAXIMUM = 500

COLUMNS = (
    "position, event_id, stream_id, version, recorded_at, type, actor_type, actor_id, reason, requested_by, ticket, "
    "correlation_id, summary"
)
_NAMES = tuple(COLUMNS.split(", "))
APPLY_TIMEOUT_S = 60.0

_PUT = f"""
    insert into {{table}} ({COLUMNS})
    select {COLUMNS} from json_populate_recordset(null::{{table}}, $1::text::json)
    on conflict (position) do nothing
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline. ``summary`` is what happened; the actor, the reason and the ticket stand beside it."""

    position: int
    event_id: UUID
    stream_id: str
    version: int
    recorded_at: datetime
    type: str
    actor_type: str
    actor_id: str
    reason: str | None
    requested_by: str | None
    ticket: str | None
    correlation_id: str | None
    summary: str


class Timeline:
    """The projection that writes the timeline."""

    name: Final = "timeline_v1"

    async def apply(self, conn: "Connection", table: str, events: Sequence[Recorded]) -> None:
        """Add an entry for each event; one that is there already stays as it is."""
        # One text for all. A statement for each event costs more than three times as much, and an array for each column
        # costs the service twice as much, because asyncpg looks at each value.
        rows = orjson.dumps([dict(zip(_NAMES, row_of(event), strict=True)) for event in events]).decode()
        await conn.execute(_PUT.format(table=table), rows, timeout=APPLY_TIMEOUT_S)


async def read_timeline(
    source: "Pool | Connection", stream_id: str | None, before: int | None = None, limit: int = 50
) -> list[Entry]:
    """Return the newest entries before a position, newest first.

    Args:
        source: a pool or a connection of the runtime role.
        stream_id: of one workspace; None for all.
        before: the last position already shown; None for the newest.
        limit: how many at most, up to 500.
    """
    if not 1 <= limit <= PAGE_MAXIMUM:
        message = f"A page of the timeline has 1 to {PAGE_MAXIMUM} entries."
        raise ValueError(message)
    rows = await source.fetch(
        f"""
        select {COLUMNS} from projection.{Timeline.name}
        where ($1::text is null or stream_id = $1) and ($2::bigint is null or position < $2)
        order by position desc limit $3
        """,
        stream_id,
        before,
        limit,
    )
    return [Entry(*row) for row in rows]


def row_of(event: Recorded) -> tuple[object, ...]:
    """Return the values of ``COLUMNS`` that an event's entry has."""
    return (
        event.position,
        event.event_id,
        event.stream_id,
        event.version,
        event.recorded_at,
        event.type,
        event.actor.type,
        event.actor.id,
        event.reason,
        event.requested_by,
        event.ticket,
        event.correlation_id,
        summarise(event),
    )
