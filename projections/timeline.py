"""The audit timeline: who did what, when and why, one entry for each event of every stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from events.envelope import Recorded
from projections.summaries import summarise

if TYPE_CHECKING:
    from events.store import Connection, Pool

PAGE_MAXIMUM = 500

COLUMNS = (
    "position, event_id, stream_id, version, recorded_at, type, actor_type, actor_id, reason, requested_by, ticket, "
    "correlation_id, summary"
)
APPLY_TIMEOUT_S = 60.0

# All but the summary is in the log already: to send it there and back is most of what an entry would cost.
_PUT = f"""
    insert into {{table}} ({COLUMNS})
    select e.position, e.event_id, e.stream_id, e.version, e.recorded_at, e.type, e.body -> 'actor' ->> 'type',
        e.body -> 'actor' ->> 'id', e.body ->> 'reason', e.body ->> 'requested_by', e.body ->> 'ticket',
        e.body ->> 'correlation_id', s.summary
    from unnest($1::bigint[], $2::text[]) s (position, summary)
    join ledger.events e on e.position = s.position
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
        positions, summaries = [event.position for event in events], [summarise(event) for event in events]
        await conn.execute(_PUT.format(table=table), positions, summaries, timeout=APPLY_TIMEOUT_S)


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
    """Return the values of ``COLUMNS`` that an event's entry has to have, by its canonical text; checks go by it."""
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
