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

# Two ways to the same page, so that it costs what its own number of workspaces does: of the few that an early moment
# knows by what was recorded until then, of the many that a late one knows by their names.
_EARLY: Final = """
    select stream_id from ledger.events
    where version = 1 and position <= $2 and stream_id <> '$system' and stream_id > $1
    order by stream_id limit $3
"""
# Said of both tables: a merge of them would read the second from its beginning for every page.
_LATE: Final = """
    select s.stream_id from ledger.streams s join ledger.events e on e.stream_id = s.stream_id and e.version = 1
    where s.stream_id <> '$system' and s.stream_id > $1 and e.stream_id > $1 and e.position <= $2
    order by s.stream_id limit $3
"""
# Stream by stream: a range of names would hold what was registered later as well.
_EVENTS: Final = f"""
    select {COLUMNS} from unnest($1::text[]) with ordinality page (slug, place)
    cross join lateral (
        select * from ledger.events e where e.stream_id = page.slug and e.position <= $2 order by e.version
    ) e
    order by page.place, e.version
"""
_AT: Final = "select position, recorded_at from ledger.events where leaf_index = $1"
_LAST: Final = "select coalesce(max(leaf_index), -1) from ledger.events"
EARLY: Final = 0.1
"""A moment with less than this part of the log before it is early."""


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
    moment, part = await _reached(conn, at.astimezone(UTC))
    until = min(moment, position)
    rows = await conn.fetch(_EARLY if part < EARLY else _LATE, after, until, limit)
    slugs = [row["stream_id"] for row in rows]
    if not slugs:
        return
    standing: Standing | None = None
    async for row in conn.cursor(_EVENTS, slugs, until, prefetch=PREFETCH):
        event = recorded(row)
        if standing is None or standing.state.slug != event.stream_id:
            if standing is not None:
                yield standing
            standing = Standing(Workspace(event.stream_id))
        standing = standing.after(event)
    if standing is not None:
        yield standing


async def _reached(conn: "Connection", moment: datetime) -> tuple[int, float]:
    """Return the last position that was recorded by a moment, and which part of the log that is.

    Times rise with leaves, so some twenty of them tell, and no other index is needed.
    """
    low, high = 0, await conn.fetchval(_LAST) + 1
    size, reached = high, 0
    while low < high:
        middle = (low + high) // 2
        row = await conn.fetchrow(_AT, middle)
        if row is not None and row["recorded_at"] <= moment:
            low, reached = middle + 1, row["position"]
        else:
            high = middle
    return reached, low / size if size else 0.0
