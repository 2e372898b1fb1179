"""Every workspace as it was at a moment: one page of them at a time, folded one after the other in one pass.

One with an event that this program cannot read stands there as it was before that event, and says so; the others do not
suffer from it.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from events.rows import COLUMNS, recorded
from events.workspace import Standing, Workspace

if TYPE_CHECKING:
    from events.store import Connection

PREFETCH: Final = 500
PAGE_MAXIMUM: Final = 501

_SLUGS: Final = """
    select s.stream_id from ledger.streams s join ledger.events e on e.stream_id = s.stream_id and e.version = 1
    where s.stream_id <> '$system' and s.stream_id > $1 and e.recorded_at <= $2 and e.position <= $3
    order by s.stream_id limit $4
"""
# By range, which the index gives in order without a sort; what was registered later has no event of that time.
_EVENTS: Final = f"""
    select {COLUMNS} from ledger.events
    where stream_id between $1 and $2 and recorded_at <= $3 and position <= $4 order by stream_id, version
"""


async def fleet_then(
    conn: "Connection", at: datetime, position: int, after: str, limit: int
) -> AsyncIterator[Standing]:
    """Yield the workspaces that were registered by a moment, by slug, each in its state of then.

    Memory holds one state and ``PREFETCH`` events, however many there are.

    Args:
        conn: a connection in a transaction of the caller's, which the cursor needs.
        at: the moment, inclusive.
        position: the log's end when the first page was read: what is recorded while somebody turns pages, with a
            moment that has not come yet, is on none of them.
        after: only slugs behind this one.
        limit: how many workspaces at most, up to ``PAGE_MAXIMUM``.

    Raises:
        ValueError: ``at`` has no time zone, or ``limit`` is out of bounds.
    """
    if at.tzinfo is None:
        message = "A moment without a time zone is another moment on every machine."
        raise ValueError(message)
    if not 1 <= limit <= PAGE_MAXIMUM:
        message = f"A page has 1 to {PAGE_MAXIMUM} workspaces."
        raise ValueError(message)
    moment = at.astimezone(UTC)
    slugs = [row["stream_id"] for row in await conn.fetch(_SLUGS, after, moment, position, limit)]
    if not slugs:
        return
    standing: Standing | None = None
    async for row in conn.cursor(_EVENTS, slugs[0], slugs[-1], moment, position, prefetch=PREFETCH):
        event = recorded(row)
        if standing is None or standing.state.slug != event.stream_id:
            if standing is not None:
                yield standing
            standing = Standing(Workspace(event.stream_id))
        standing = standing.after(event)
    if standing is not None:
        yield standing
