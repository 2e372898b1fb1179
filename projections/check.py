"""Holding the live read models against what the events say, row by row, while the service goes on.

Nothing is locked and nothing is written: events and rows are read in one snapshot. ``keyledger rebuild`` mends what
differs.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from events.progress import Progress, unseen
from events.replay import fold_all
from events.store import EventStore
from events.verify import READ_TIMEOUT_S, readers
from events.workspace import FOLD_VERSION, UnreadableEvent, Workspace
from projections.timeline import COLUMNS as TIMELINE_COLUMNS
from projections.timeline import Timeline, row_of

if TYPE_CHECKING:
    from events.store import Connection

BATCH = 500
PAGE = 1000
DIFFERENCES_MAXIMUM = 100

_ROWS = """
    select slug, name, plan, version, position, fold_version, document, lapses_at
    from projection.connections where slug = any($1::text[])
"""
_HOMELESS = """
    select slug from projection.connections c
    where slug = '$system' or not exists (select from ledger.streams s where s.stream_id = c.slug)
    order by slug limit $1
"""
_REACHED = "select position from projection.checkpoints where projection = $1"
_SIZE = "select count(*) from ledger.events where position <= $1"
_PAGE_END = "select position from ledger.events where position > $1 order by position offset $2 limit 1"
_TIMELINE = f"""
    select {TIMELINE_COLUMNS} from projection.{Timeline.name} where position > $1 and position <= $2 order by position
"""
_PARKED = "select stream_id, position from projection.parked where projection = $1 and parked_at is not null"


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what the events say: of which read model, of which workspace, and how it differs."""

    projection: str
    stream_id: str
    problem: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and the first hundred rows that differ.

    ``outdated`` counts rows that another version of the program wrote; this one does not use them.
    """

    workspaces: int
    entries: int
    outdated: int
    differences: tuple[Difference, ...]


async def check_read_models(store: EventStore, slug: str | None = None, progress: Progress = unseen) -> Checked:
    """Compare the connection read model and the timeline with the events.

    Args:
        store: the log, through a pool of at least two connections.
        slug: of one workspace; None for all.
        progress: told of how many comparisons of how many are made: each event counts for each of both.
    """
    async with readers(store, 2) as (reading, asking):
        connections = _Connections(asking)
        if slug is None:

            def folded(done: int, total: int) -> None:
                progress(done, 2 * total)

            await fold_all(store, connections.take, connections.give_up, conn=reading, progress=folded)
            await connections.finish()
            await connections.look_for_homeless()
        else:
            await _fold_one(store, slug, connections, reading)
        entries, differing = await _check_timeline(store, (reading, asking), slug, progress)
    found = (*connections.differences, *differing)[:DIFFERENCES_MAXIMUM]
    return Checked(connections.workspaces, entries, connections.outdated, found)


async def _fold_one(store: EventStore, slug: str, connections: "_Connections", conn: "Connection") -> None:
    state = Workspace(slug)
    try:
        async for event in store.stream(slug, conn=conn):
            state.apply_recorded(event)
    except UnreadableEvent as error:
        await connections.give_up(error, state)
    else:
        await connections.take(state)
    await connections.finish()


class _Connections:
    """The connection read model under comparison."""

    def __init__(self, conn: "Connection") -> None:
        self._conn = conn
        self._waiting: list[Workspace] = []
        self.workspaces = self.outdated = 0
        self.differences: list[Difference] = []

    async def take(self, state: Workspace) -> None:
        self._waiting.append(state)
        if len(self._waiting) == BATCH:
            await self.finish()

    async def give_up(self, error: UnreadableEvent, state: Workspace) -> None:
        self._differs(
            state.slug, f"This version cannot read its {error.type}: the workspace is parked.", error.position
        )

    async def finish(self) -> None:
        """Compare the states at hand with their rows."""
        slugs = [state.slug for state in self._waiting]
        rows = {row["slug"]: row for row in await self._conn.fetch(_ROWS, slugs)}
        for state in self._waiting:
            self._compare(state, rows.get(state.slug))
        self.workspaces += len(self._waiting)
        self._waiting.clear()

    async def look_for_homeless(self) -> None:
        """Find rows of what is no workspace."""
        for row in await self._conn.fetch(_HOMELESS, DIFFERENCES_MAXIMUM, timeout=READ_TIMEOUT_S):
            self._differs(row["slug"], "There is a row, and no workspace of this name in the log.")

    def _compare(self, state: Workspace, row: Any) -> None:
        if row is None:
            self._differs(state.slug, "The row is missing.", state.position)
        elif row["fold_version"] != FOLD_VERSION:
            self.outdated += 1
        elif (row["version"], row["position"]) != (state.version, state.position):
            problem = f"The row is at version {row['version']} and the workspace at {state.version}."
            self._differs(state.slug, problem, state.position)
        else:
            self._compare_content(state, row)

    def _compare_content(self, state: Workspace, row: Any) -> None:
        # Through JSON: what a row can hold, as it would be read back.
        expected = orjson.loads(orjson.dumps(state.to_document()))
        found = orjson.loads(row["document"])
        names = {name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)}
        names |= {name for name in ("name", "plan") if row[name] != expected[name]}
        names |= {"lapses_at"} if row["lapses_at"] != _lapse_of(expected) else set()
        if names:
            self._differs(
                state.slug, f"The row differs from the events in: {', '.join(sorted(names))}.", state.position
            )

    def _differs(self, slug: str, problem: str, position: int | None = None) -> None:
        if len(self.differences) < DIFFERENCES_MAXIMUM:
            self.differences.append(Difference("connections", slug, problem, position))


def _lapse_of(document: dict[str, Any]) -> str | None:
    enforcement = document["enforcement"]
    lapses: str | None = None
    if enforcement is not None and not enforcement["confirmed"]:
        lapses = enforcement["confirm_by"]
    return lapses


async def _check_timeline(
    store: EventStore, conns: tuple["Connection", "Connection"], slug: str | None, progress: Progress
) -> tuple[int, list[Difference]]:
    """Compare the timeline as far as it has come; what is parked there is known to be missing."""
    conn, other = conns
    reached = await conn.fetchval(_REACHED, Timeline.name) or 0
    size = await conn.fetchval(_SIZE, reached, timeout=READ_TIMEOUT_S)
    parked = {row["stream_id"]: row["position"] for row in await conn.fetch(_PARKED, Timeline.name)}
    after, entries, seen, differing = 0, 0, 0, list[Difference]()
    while after < reached and len(differing) < DIFFERENCES_MAXIMUM:
        end = await _end_of_page(conn, after, reached)
        # Two connections, so that the server reads one while the other's rows are made into values.
        read, found = await asyncio.gather(store.read_all(after, PAGE, conn=conn), other.fetch(_TIMELINE, after, end))
        events = [event for event in read if event.position <= reached]
        rows = {row["position"]: tuple(row) for row in found}
        seen += len(events)
        progress(size + seen, 2 * size)
        for event in events:
            entry = rows.pop(event.position, None)
            if slug not in {None, event.stream_id} or parked.get(event.stream_id, end + 1) <= event.position:
                continue
            entries += 1
            if entry != row_of(event):
                how = "The entry is missing." if entry is None else "The entry says something else than the event."
                differing.append(Difference(Timeline.name, event.stream_id, how, event.position))
        for position, entry in rows.items():
            if slug in {None, entry[2]}:
                differing.append(Difference(Timeline.name, entry[2], "There is an entry of no event.", position))
        after = end
    return entries, differing


async def _end_of_page(conn: "Connection", after: int, reached: int) -> int:
    """Return the last position of the page behind ``after``, in which holes may be of any size."""
    last = await conn.fetchval(_PAGE_END, after, PAGE - 1)
    return reached if last is None else min(last, reached)
