"""Connections at hand: fresh within a second however the listener fails, and never a stale one after that."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from support.database import Connection, Pool, TestDatabase

from events.catalogue import CATALOGUE
from events.envelope import SYSTEM, Context, NewEvent
from events.store import NO_STREAM, EventStore
from events.workspace import Workspace
from projections import cache as cache_module
from projections.cache import MAX_AGE_S, ConnectionCache
from projections.connection import load_connection

CONTEXT = Context(SYSTEM, reason="a test")


@dataclass
class World:
    """A cache on a real database, and what it did."""

    pool: Pool
    store: EventStore
    cache: ConnectionCache
    lags: list[float]
    loads: list[str] = field(default_factory=list)

    listeners: list[Connection] = field(default_factory=list)

    async def append(self, slug: str, state: Workspace | None, type_: str, /, **data: Any) -> Workspace:
        """Record one event and return the state after it."""
        before = state or Workspace(slug)
        prepared = self.store.prepare([NewEvent.of(CATALOGUE[type_](**data))], CONTEXT)
        after = before.after(prepared)
        await self.store.append(slug, state.version if state else NO_STREAM, prepared, after.to_document())
        return after

    async def register(self, slug: str) -> Workspace:
        """Register a workspace."""
        return await self.append(slug, None, "WorkspaceRegistered", slug=slug, name="Acme", plan="one")


async def eventually(condition: Callable[[], bool], within: float) -> None:
    """Wait until the condition holds; fail after ``within`` seconds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in the database, too
            await asyncio.sleep(0.005)


@pytest.fixture
async def world(pool: Pool, database: TestDatabase) -> AsyncIterator[World]:
    """A listening cache."""

    async def load(slug: str) -> Workspace | None:
        made.loads.append(slug)
        return await load_connection(pool, slug)

    async def connect() -> Connection:
        made.listeners.append(await asyncpg.connect(database.runtime_dsn))
        return made.listeners[-1]

    lags: list[float] = []
    cache = ConnectionCache(load, connect, measured=lags.append)
    made = World(pool, EventStore(pool), cache, lags)
    async with cache.listening():
        await eventually(lambda: cache.alive, 5)
        yield made


async def test_a_connection_is_read_once(world: World) -> None:
    """Many reads of one workspace cost one read of the database, also when they come at once."""
    await world.register("acme")
    await eventually(lambda: bool(world.lags), MAX_AGE_S)
    await asyncio.gather(*(world.cache.get("acme") for _ in range(20)))
    found = await world.cache.get("acme")
    assert found is not None
    assert found.slug == "acme"
    assert world.loads == ["acme"]


async def test_a_slug_that_does_not_exist_is_known_until_it_is_registered(world: World) -> None:
    """Unknown slugs cost no database read each; a registration is seen at once."""
    assert await world.cache.get("acme") is None
    assert await world.cache.get("acme") is None
    assert world.loads == ["acme"]
    await world.register("acme")
    await eventually(lambda: bool(world.lags), MAX_AGE_S)
    assert await world.cache.get("acme") is not None


async def test_a_commit_is_seen_within_the_bound_and_measured(world: World) -> None:
    """After a commit the former state is served for less than a second, and the time is measured."""
    state = await world.register("acme")
    await eventually(lambda: bool(world.lags), MAX_AGE_S)
    await world.cache.get("acme")
    await world.append("acme", state, "DomainAdded", domain="acme.example")
    await eventually(lambda: world.cache.peek("acme") is None, MAX_AGE_S)
    found = await world.cache.get("acme")
    assert found is not None
    assert "acme.example" in found.domains
    assert 0 <= max(world.lags) < MAX_AGE_S


async def test_other_workspaces_stay_at_hand(world: World) -> None:
    """A change drops its own workspace and no other."""
    state = await world.register("acme")
    await world.register("globex")
    await eventually(lambda: len(world.lags) >= 1, MAX_AGE_S)
    await asyncio.sleep(0.05)
    await world.cache.get("acme")
    await world.cache.get("globex")
    await world.append("acme", state, "DomainAdded", domain="acme.example")
    await eventually(lambda: world.cache.peek("acme") is None, MAX_AGE_S)
    assert world.cache.peek("globex") is not None


async def test_a_lost_listener_never_serves_what_was_at_hand(world: World, database: TestDatabase) -> None:
    """When the listening connection ends, what was at hand is gone and reads go to the database until it is back."""
    state = await world.register("acme")
    await world.cache.get("acme")
    admin = await asyncpg.connect(database.superuser_dsn)
    try:
        listener = world.listeners[-1]
        await admin.execute("select pg_terminate_backend($1)", listener.get_server_pid())
        await eventually(lambda: not world.cache.alive, MAX_AGE_S)
        await world.append("acme", state, "DomainAdded", domain="acme.example")
        found = await world.cache.get("acme")
        assert found is not None
        assert "acme.example" in found.domains
        await eventually(lambda: world.cache.alive, 5)
        assert world.listeners[-1] is not listener
    finally:
        await admin.close()


async def test_a_silently_dead_socket_is_found_within_the_bound(pool: Pool, database: TestDatabase) -> None:
    """A connection that neither answers nor ends stops being trusted after a second."""
    hanging = asyncio.Event()

    class Hanging:
        def __init__(self, inner: Connection) -> None:
            self._inner = inner

        async def fetchrow(self, *args: Any) -> Any:
            if hanging.is_set():
                await asyncio.Event().wait()
            return await self._inner.fetchrow(*args)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    async def connect() -> Any:
        return Hanging(await asyncpg.connect(database.runtime_dsn))

    loads: list[str] = []

    async def load(slug: str) -> Workspace | None:
        loads.append(slug)
        return await load_connection(pool, slug)

    cache = ConnectionCache(load, connect)
    async with cache.listening():
        await eventually(lambda: cache.alive, 5)
        await cache.get("acme")
        hanging.set()
        await eventually(lambda: not cache.alive, 3 * MAX_AGE_S)
        await cache.get("acme")
        assert loads == ["acme", "acme"]


async def test_a_load_that_a_change_overtakes_is_not_kept(world: World) -> None:
    """What was read before a commit, and arrives after the change was heard of, is not kept at hand."""
    state = await world.register("acme")
    await eventually(lambda: bool(world.lags), MAX_AGE_S)
    reached, proceed = asyncio.Event(), asyncio.Event()
    plain: Callable[[str], Awaitable[Workspace | None]] = world.cache._load

    async def slow(slug: str) -> Workspace | None:
        found = await plain(slug)
        reached.set()
        await proceed.wait()
        return found

    world.cache._load = slow
    reading = asyncio.create_task(world.cache.get("acme"))
    await reached.wait()
    heard = len(world.lags)
    await world.append("acme", state, "DomainAdded", domain="acme.example")
    await eventually(lambda: len(world.lags) > heard, MAX_AGE_S)
    proceed.set()
    await reading
    assert world.cache.peek("acme") is None


async def test_a_log_that_went_back_empties_the_cache(world: World, owner_pool: Pool) -> None:
    """After a restore a new epoch begins, and nothing read before it is trusted."""
    await world.register("acme")
    await eventually(lambda: bool(world.lags), MAX_AGE_S)
    await world.cache.get("acme")
    await owner_pool.execute("select ledger.begin_epoch('restored from a backup')")
    await eventually(lambda: world.cache.peek("acme") is None, MAX_AGE_S)


async def test_many_changes_at_once_empty_the_cache(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More changes than one answer tells of lose nothing: everything is read anew."""
    await world.register("acme")
    await eventually(lambda: bool(world.lags), MAX_AGE_S)
    await world.cache.get("acme")
    monkeypatch.setattr(cache_module, "MOST_CHANGES", 1)
    await world.register("globex")
    await eventually(lambda: world.cache.peek("acme") is None, MAX_AGE_S)


async def test_a_row_of_another_fold_is_replayed(world: World, database: TestDatabase) -> None:
    """A read model written by another version of the program is not believed; the events decide."""
    state = await world.register("acme")
    await world.append("acme", state, "DomainAdded", domain="acme.example")
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute(
        "update projection.connections set fold_version = 0, document = document || '{\"domains\": {}}'::jsonb"
    )
    await owner.close()
    found = await load_connection(world.pool, "acme")
    assert found is not None
    assert "acme.example" in found.domains
