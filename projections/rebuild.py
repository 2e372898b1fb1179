"""Rebuilding a read model from the first event, beside the live one, and swapping it in under live writes.

Readers see the old table or the new one, each complete; the old one stays as ``<name>_former`` until the next rebuild.
An event that cannot be taken in ends a rebuild, and the live table stays.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from events.envelope import Recorded
from events.progress import Progress, unseen
from events.replay import fold_all
from events.store import EventStore
from events.workspace import FOLD_VERSION, Workspace
from projections.projection import Projection, table_of, wait_for_turn
from projections.twin import alone, empty_twin, set_aside, swap, until_swapped

if TYPE_CHECKING:
    from events.store import Connection

APPEND_LOCK = 7311142301
CONNECTIONS = "projection.connections"
BATCH = 1000
PAGE = 2000
READ_TIMEOUT_S = 3600.0
TURN_WAIT = "5s"

_PUT = """
    insert into {table} (slug, name, plan, version, position, fold_version, document, updated_at, lapses_at)
    select d.document ->> 'slug', d.document ->> 'name', d.document ->> 'plan', (d.document ->> 'version')::bigint,
        d.position, $3, d.document, clock_timestamp(), projection.lapse_of(d.document)
    from (select unnest($1::text[])::jsonb as document, unnest($2::bigint[]) as position) d
    on conflict (slug) do update set name = excluded.name, plan = excluded.plan, version = excluded.version,
        position = excluded.position, fold_version = excluded.fold_version, document = excluded.document,
        updated_at = excluded.updated_at, lapses_at = excluded.lapses_at
"""
_BEHIND = """
    select s.stream_id from ledger.streams s left join {table} c on c.slug = s.stream_id
    where s.stream_id <> '$system' and c.version is distinct from s.version order by s.stream_id
"""
_DIFFERING = """
    select new.slug from {table} new join projection.connections live using (slug)
    where new.version = live.version and new.fold_version = live.fold_version and new.document <> live.document
    order by new.slug
"""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild read: so many events. ``differing`` are the workspaces whose live row was not what follows."""

    events: int
    differing: tuple[str, ...] = ()


async def rebuild(
    store: EventStore, projection: Projection, progress: Progress = unseen, *, batch: int = PAGE
) -> Rebuilt:
    """Rebuild a catch-up projection and swap it in, with its checkpoint; parked streams are followed again.

    Args:
        store: the log, through a pool of at least two connections of the role that owns the tables.
        projection: what is rebuilt.
        progress: told of how many events of how many are taken in.
        batch: how many events one transaction takes in.

    Raises:
        RebuildRunning: somebody else is at it.
        Exception: what the projection raised about an event; the live table is as before.
    """
    async with store.pool.acquire() as conn, alone(conn, projection.name):
        twin = await empty_twin(conn, table_of(projection))
        indexes = await set_aside(conn, twin)
        building = _Building(store, projection, conn, twin, batch)
        total = (await store.head()).size
        while await building.take():
            progress(building.events, total)
        for index in indexes:
            await conn.execute(index, timeout=READ_TIMEOUT_S)
        await until_swapped(building.finish)
        progress(building.events, building.events)
        return Rebuilt(building.events)


class _Building:
    """A catch-up projection's rebuild in progress."""

    def __init__(self, store: EventStore, projection: Projection, conn: "Connection", twin: str, batch: int) -> None:
        self._store, self._projection, self._conn, self._twin, self._batch = store, projection, conn, twin, batch
        self._position = 0
        self._next: list[Recorded] | None = None
        self.events = 0

    async def take(self) -> bool:
        """Take in one batch, while the next is read on another connection; tell whether there may be more."""
        events = await self._read(self._position) if self._next is None else self._next
        if events:
            async with self._conn.transaction():
                writing = asyncio.ensure_future(self._projection.apply(self._conn, self._twin, events))
                try:
                    self._next = await self._read(events[-1].position)
                finally:
                    await writing
            self._position = events[-1].position
            self.events += len(events)
        return len(events) == self._batch

    async def _read(self, after: int) -> list[Recorded]:
        return await self._store.read_all(after, self._batch)

    async def finish(self) -> None:
        """Catch up while the live projector waits, and swap; the checkpoint goes with the table."""
        before = self._position, self.events
        self._next = None
        try:
            async with self._conn.transaction():
                await self._finish(self._projection.name)
        except BaseException:
            self._position, self.events, self._next = *before, None
            raise

    async def _finish(self, name: str) -> None:
        await self._conn.execute(f"set local lock_timeout = '{TURN_WAIT}'")
        await wait_for_turn(self._conn, name)
        while await self.take():
            pass
        await self._conn.execute(
            """
            insert into projection.checkpoints (projection, position, epoch, mark)
            select $1, $2, (select max(epoch) from ledger.epochs), (select hash from ledger.events where position = $2)
            on conflict (projection) do update set position = excluded.position, epoch = excluded.epoch,
                mark = excluded.mark, updated_at = clock_timestamp()
            """,
            name,
            self._position,
        )
        await self._conn.execute("delete from projection.parked where projection = $1", name)
        await swap(self._conn, table_of(self._projection), self._twin)


async def rebuild_connections(store: EventStore, progress: Progress = unseen) -> Rebuilt:
    """Rebuild the connection read model and swap it in under the append lock, which is held for moments.

    Args:
        store: the log, through a pool of at least two connections of the role that owns the tables.
        progress: told of how many events of how many are folded.

    Raises:
        RebuildRunning: somebody else is at it.
        UnreadableEvent: an event cannot be folded; the live table is as before.
    """
    async with store.pool.acquire() as conn, alone(conn, "connections"):
        twin = await empty_twin(conn, CONNECTIONS)
        waiting: list[Workspace] = []

        async def keep(state: Workspace) -> None:
            waiting.append(state)
            if len(waiting) == BATCH:
                await _put(conn, twin, waiting)
                waiting.clear()

        events = await fold_all(store, keep, progress=progress)
        await _put(conn, twin, waiting)
        differing: list[str] = []

        async def finish() -> None:
            differing[:] = await _finish_connections(store, conn, twin)

        await until_swapped(finish)
        return Rebuilt(events, tuple(differing))


async def _finish_connections(store: EventStore, conn: "Connection", twin: str) -> list[str]:
    async with conn.transaction():
        await conn.execute(f"set local lock_timeout = '{TURN_WAIT}'")
        await conn.execute("select pg_advisory_xact_lock($1)", APPEND_LOCK)
        for row in await conn.fetch(_BEHIND.format(table=twin), timeout=READ_TIMEOUT_S):
            state = Workspace(row["stream_id"])
            async for event in store.stream(state.slug, conn=conn):
                state.apply_recorded(event)
            await _put(conn, twin, [state])
        differing = [row["slug"] for row in await conn.fetch(_DIFFERING.format(table=twin), timeout=READ_TIMEOUT_S)]
        await swap(conn, CONNECTIONS, twin)
        # A row that was not what follows may have brought wrong domains along.
        await conn.execute(
            "select projection.put_domains(slug, document) from projection.connections where slug = any($1)", differing
        )
    return differing


async def _put(conn: "Connection", twin: str, states: Sequence[Workspace]) -> None:
    documents = [orjson.dumps(state.to_document()).decode() for state in states]
    await conn.execute(_PUT.format(table=twin), documents, [state.position for state in states], FOLD_VERSION)
