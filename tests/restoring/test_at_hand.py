"""A backup takes the log's place under a running instance: nothing that was read before decides anything any more.

Versions and positions come again with other events then.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import asyncpg
import pytest
from support.database import Connection, Pool, TestDatabase
from support.identity_values import Proven
from support.identity_world import KEY, STAFF, Begun, World
from support.setbacks import remembered

from events.catalogue.access import SsoDisabled
from events.catalogue.configuration import DomainAdded, JitDisabled, WorkspacePlanChanged
from events.names import Names
from events.sealing import KeyRing
from events.workspace import Workspace
from projections.cache import MAX_AGE_S, ConnectionCache, Setback
from projections.connection import load_connection
from service.identity.admission import admit
from service.identity.change import change_workspace
from service.identity.members import erase_member
from service.identity.resources import RequestMeta
from service.setback import Setbacks


@dataclass
class Kept:
    """A listening cache, and what it said of a log that went back."""

    cache: ConnectionCache
    setbacks: list[Setback] = field(default_factory=list)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, for as long as a cache may take to notice."""
    async with asyncio.timeout(MAX_AGE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in the database, too
            await asyncio.sleep(0.005)


@pytest.fixture
async def kept(pool: Pool, database: TestDatabase) -> AsyncIterator[Kept]:
    async def connect() -> Connection:
        return await asyncpg.connect(database.runtime_dsn)

    async def went_back(setback: Setback) -> None:
        made.setbacks.append(setback)

    cache = ConnectionCache(lambda slug: load_connection(pool, slug), connect, went_back=went_back)
    made = Kept(cache)
    async with cache.listening():
        await eventually(lambda: cache.alive)
        yield made


async def at_hand(cache: ConnectionCache, slug: str, version: int) -> Workspace:
    """Have the workspace at hand in this version."""
    async with asyncio.timeout(MAX_AGE_S):
        while True:
            found = await cache.get(slug)
            if found is not None and found.version == version and cache.peek(slug) is found:
                return found
            await asyncio.sleep(0.005)


async def test_a_log_that_went_back_and_grew_as_long_again_is_noticed(
    kept: Kept, pool: Pool, database: TestDatabase
) -> None:
    """The lost event's position has another workspace's event now; what was at hand is read anew, and it is said."""
    world = World(pool)
    await world.register("acme")
    await world.register("globex", domain="globex.example")
    async with remembered(database) as past:
        head = (await world.resources.store.head()).position
        await world.append("acme", [DomainAdded(domain="lost.example")])
        lost = await at_hand(kept.cache, "acme", 5)
        assert lost.position == head + 1
        await past.return_to()
        await world.append("globex", [JitDisabled()])
        assert (await world.resources.store.head()).position == head + 1
        await eventually(lambda: kept.cache.peek("acme") is None)
        found = await kept.cache.get("acme")
        assert found is not None
        assert "lost.example" not in found.domains
    (setback,) = kept.setbacks
    assert setback in (Setback(head + 1, 1, head, 1), Setback(head + 1, 1, head + 1, 1))


async def test_what_is_later_than_the_last_event_seen_is_not_kept(
    kept: Kept, pool: Pool, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state that was read before its event was heard of would outlive its event unnoticed."""
    world = World(pool)
    await world.register("acme")
    await at_hand(kept.cache, "acme", 4)
    asked = kept.cache._ask
    stopped = asyncio.Event()

    async def stand_still(connection: Connection) -> None:
        stopped.set()
        await asyncio.Event().wait()
        await asked(connection)

    monkeypatch.setattr(kept.cache, "_ask", stand_still)
    await asyncio.wait_for(stopped.wait(), MAX_AGE_S)
    kept.cache._drop(["acme"])
    async with remembered(database) as past:
        await world.append("acme", [WorkspacePlanChanged(plan="two")])
        assert kept.cache.alive
        found = await kept.cache.get("acme")
        assert found is not None
        assert found.plan == "two"
        assert kept.cache.peek("acme") is None
        await past.return_to()


async def test_nobody_is_admitted_on_a_configuration_that_a_restore_took_away(
    pool: Pool, database: TestDatabase
) -> None:
    """Its version is there again, with another content: SSO is off in it."""
    world = World(pool)
    await world.register()
    assert (await world.sign_in()).status == "signed_in"
    async with remembered(database) as past:
        await world.append("acme", [DomainAdded(domain="acme.test")])
        supposed = await load_connection(pool, "acme")
        assert supposed is not None
        request = RequestMeta(request_id="r-2")
        admitted = await admit(world.resources, "acme", Begun(), Proven(), request, supposed)
        assert (admitted.status, admitted.how) == ("signed_in", "known")
        await past.return_to()
        await world.append("acme", [SsoDisabled(reason="a restore")])
        committed = await world.workspace()
        assert (committed.version, committed.position) == (supposed.version, supposed.position)
        outcome = await admit(world.resources, "acme", Begun(), Proven(), request, supposed)
    assert (outcome.status, outcome.reason) == ("refused", "workspace_unavailable")


async def test_tombstones_are_made_under_the_key_that_is_there_after_a_restore(pool: Pool, owner_pool: Pool) -> None:
    """The backup is from before the first erasure, and knows no key. After a restart it is known who was erased."""
    world = World(pool)
    await world.register()
    await erase(world, Proven())
    await owner_pool.execute("truncate identity.tombstones, identity.tombstone_key")
    await erase(world, Proven("grace@acme.example", "00u-grace"))
    restarted = World(pool)
    assert (await restarted.sign_in(Proven("grace@acme.example", "00u-other"))).detail == "erased_before"


async def test_names_are_looked_up_anew_after_a_setback(pool: Pool, database: TestDatabase) -> None:
    """The backup is from before the name and the key of names; the id that is given now is one that can be read."""
    names = Names(pool, KeyRing([KEY]))
    before = await names.resolve("Ada")
    superuser = await asyncpg.connect(database.superuser_dsn)
    for table in ("names", "names_key"):
        await superuser.execute(f"alter table ledger.{table} disable trigger user")
        await superuser.execute(f"truncate ledger.{table}")
    await superuser.close()
    assert await names.resolve("Ada") == before, "it is remembered"
    setbacks = Setbacks(pool)
    setbacks.drops.append(names.drop)
    await setbacks.take(Setback(9, 1, 5, 1))
    assert await names.resolve("Ada") != before
    restarted = Names(pool, KeyRing([KEY]))
    id_ = await restarted.resolve("Ada")
    assert await restarted.show([id_]) == {id_: "Ada"}
    assert await names.resolve("Ada") == id_


async def erase(world: World, person: Proven) -> None:
    """Let somebody sign in, and remove them."""
    member_id = (await world.sign_in(person)).member_id
    assert member_id is not None
    await change_workspace(world.resources, "acme", STAFF, lambda change: erase_member(change, member_id))
