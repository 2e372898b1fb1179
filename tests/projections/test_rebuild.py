"""A rebuild under live writes: readers see the old read model or the new one, each whole, and both say the same."""

import asyncio
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace
from support.database import Pool, on_both_servers
from support.following import TABLE, Seen, expected
from support.ledger import ADA, domain, record, register

from events.catalogue.access import EnforcementEnabled, SsoEnabled
from events.envelope import NewEvent
from events.store import EventStore
from events.workspace import UnreadableEvent
from projections import rebuild as rebuilding
from projections import twin
from projections.connection import load_connection
from projections.parking import read_parked
from projections.projector import Projector
from projections.rebuild import rebuild, rebuild_connections
from projections.timeline import Timeline, read_timeline
from projections.twin import RebuildRunning

DOCUMENTS = (
    "select slug, version, position, name, plan, lapses_at, document::text from projection.connections order by slug"
)


@pytest.fixture
async def store(pool: Pool, owner_pool: Pool) -> EventStore:
    await owner_pool.execute(TABLE)
    return EventStore(pool)


async def write_until(store: EventStore, done: asyncio.Event) -> int:
    """Append to two workspaces, one of them enforced, until told to stop; return how many appends that were."""
    busy = await register(store, "busy")
    enforced = await record(store, await register(store, "enforced"), SsoEnabled(), EnforcementEnabled())
    count = 0
    while not done.is_set():
        busy = await record(store, busy, domain(count % 400))
        enforced = await record(store, enforced, domain(count % 400))
        count += 1
    return count


async def until(condition: Any) -> None:
    """Wait until an awaited condition holds."""
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.005)


@on_both_servers
async def test_case_7_the_connection_read_model_is_rebuilt_under_live_writes(
    store: EventStore, owner_pool: Pool
) -> None:
    """Store case 7: appends arrive all the time; rows never go, the enforcement never flickers, nothing differs."""
    for number in range(30):
        await record(store, await register(store, f"w{number}"), domain(number))
    done = asyncio.Event()
    writing = asyncio.create_task(write_until(store, done))

    async def enforced() -> bool:
        state = await load_connection(store.pool, "enforced")
        return state is not None and state.enforcement is not None

    await until(enforced)

    async def watch() -> int:
        looks, rows = 0, 0
        while not done.is_set():
            assert await enforced()
            now = await store.pool.fetchval("select count(*) from projection.connections")
            assert now >= max(rows, 31)
            looks, rows = looks + 1, now
        return looks

    watching = asyncio.create_task(watch())
    for _ in range(3):
        rebuilt = await rebuild_connections(EventStore(owner_pool))
        assert rebuilt.events > 60
        assert rebuilt.differing == ()
    done.set()
    assert await writing > 0
    assert await watching > 0
    rows = await store.pool.fetch(DOCUMENTS)
    for row in rows:
        state = await load_connection(store.pool, row["slug"])
        assert state is not None
        assert (state.version, state.position) == (row["version"], row["position"])
        assert state.version == len(await store.read_stream(row["slug"], limit=10_000))
    await rebuild_connections(EventStore(owner_pool))
    assert await store.pool.fetch(DOCUMENTS) == rows


@on_both_servers
async def test_a_rebuilt_connection_table_has_the_rights_indexes_and_options_of_the_one_before(
    store: EventStore, owner_pool: Pool
) -> None:
    shape = """
        select c.relacl::text, c.reloptions::text,
            (select array_agg(pg_get_indexdef(i.indexrelid, 1, true) order by 1) from pg_index i
                where i.indrelid = c.oid) as indexes,
            (select array_agg(a.attname order by a.attnum) from pg_attribute a
                where a.attrelid = c.oid and a.attnum > 0) as columns
        from pg_class c where c.oid = 'projection.connections'::regclass
    """
    before = await owner_pool.fetchrow(shape)
    await rebuild_connections(EventStore(owner_pool))
    assert await owner_pool.fetchrow(shape) == before
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await store.pool.execute("delete from projection.connections")


@on_both_servers
async def test_a_rebuilt_timeline_has_all_indexes_when_it_is_swapped_in_and_while_it_is_filled_those_that_it_needs(
    store: EventStore, owner_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time: the rebuilt one is what the next is made like. Rights stay as well."""
    indexes = """
        select array_agg(regexp_replace(pg_get_indexdef(indexrelid), ' INDEX .* USING', ' INDEX USING') order by 1)
        from pg_index where indrelid = $1::text::regclass
    """
    rights = "select relacl::text from pg_class where oid = 'projection.timeline_v1'::regclass"
    await record(store, await register(store, "acme"), domain(1))
    before = await owner_pool.fetchval(indexes, "projection.timeline_v1"), await owner_pool.fetchval(rights)
    assert len(before[0]) == 2
    filled: list[list[str]] = []
    apply = Timeline.apply

    async def seen(self: Timeline, conn: Any, table: str, events: Any) -> None:
        filled.append(await conn.fetchval(indexes, table))
        await apply(self, conn, table, events)

    monkeypatch.setattr(Timeline, "apply", seen)
    for _ in range(2):
        await rebuild(EventStore(owner_pool), Timeline())
        after = await owner_pool.fetchval(indexes, "projection.timeline_v1"), await owner_pool.fetchval(rights)
        assert after == before
    unique = [index for index in before[0] if "UNIQUE" in index]
    assert (len(unique), filled) == (1, [unique, unique])
    assert [entry.summary for entry in await read_timeline(store.pool, "acme")]


async def test_rows_that_were_wrong_are_named_and_put_right(store: EventStore, owner_pool: Pool) -> None:
    state = await record(store, await register(store, "acme"), domain(1))
    await register(store, "other")
    await owner_pool.execute(
        """update projection.connections set document = jsonb_set(document, '{plan}', '"none"') where slug = 'acme'"""
    )
    assert (await rebuild_connections(EventStore(owner_pool))).differing == ("acme",)
    assert (await rebuild_connections(EventStore(owner_pool))).differing == ()
    assert await store.pool.fetchval("select document ->> 'plan' from projection.connections") == state.plan


async def test_case_7_a_rebuild_that_ends_half_way_leaves_the_live_table_and_can_be_repeated(
    store: EventStore, owner_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Store case 7: a crash before the swap; the next rebuild starts anew."""
    await register(store, "acme")
    before = await store.pool.fetch(DOCUMENTS)

    async def crash(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(rebuilding, "swap", crash)
        with pytest.raises(ConnectionResetError):
            await rebuild_connections(EventStore(owner_pool))
    assert await store.pool.fetch(DOCUMENTS) == before
    await rebuild_connections(EventStore(owner_pool))
    assert await store.pool.fetch(DOCUMENTS) == before


async def test_an_event_that_cannot_be_folded_ends_the_rebuild_and_the_live_table_stays(
    store: EventStore, owner_pool: Pool
) -> None:
    await register(store, "acme")
    (event,) = store.prepare([NewEvent.of(SsoEnabled())], ADA)
    newer = replace(event, type="SsoPaused", data={}, canonical=event.canonical.replace("SsoEnabled", "SsoPaused"))
    await store.append("acme", 1, [newer])
    before = await store.pool.fetch(DOCUMENTS)
    with pytest.raises(UnreadableEvent):
        await rebuild_connections(EventStore(owner_pool))
    assert await store.pool.fetch(DOCUMENTS) == before


async def test_a_read_model_is_rebuilt_by_one_at_a_time(store: EventStore, owner_pool: Pool) -> None:
    await register(store, "acme")
    async with owner_pool.acquire() as connection:
        key = "keyledger/rebuild/connections"
        await connection.execute("select pg_advisory_lock(hashtextextended($1, 0))", key)
        with pytest.raises(RebuildRunning):
            await rebuild_connections(EventStore(owner_pool))
        await connection.execute("select pg_advisory_unlock(hashtextextended($1, 0))", key)
    await rebuild_connections(EventStore(owner_pool))


@on_both_servers
async def test_case_7_a_swap_that_meets_a_sign_in_gives_way_and_comes_again(
    store: EventStore, owner_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Store case 7: a transaction that has read the connection and then appends is not the one that gives way."""
    state = await register(store, "acme")
    monkeypatch.setattr(twin, "SWAP_WAIT", "20ms")
    monkeypatch.setattr(twin, "SWAP_PAUSE_S", 0.01)
    monkeypatch.setattr(twin, "SWAP_ATTEMPTS", 1000)

    async def waits_for_the_table() -> bool:
        query = "select exists (select from pg_locks where not granted and mode = 'AccessExclusiveLock')"
        return bool(await store.pool.fetchval(query))

    async with store.pool.acquire() as connection, connection.transaction():
        await load_connection(connection, "acme")
        rebuilding = asyncio.create_task(rebuild_connections(EventStore(owner_pool)))
        await until(waits_for_the_table)
        prepared = store.prepare([NewEvent.of(domain(1))], ADA)
        document = state.after(prepared).to_document()
        await store.append("acme", 1, prepared, document, conn=connection)
    await rebuilding
    found = await load_connection(store.pool, "acme")
    assert found is not None
    assert (found.version, sorted(found.domains)) == (2, ["a1.example"])


@on_both_servers
async def test_case_7_a_catch_up_projection_is_rebuilt_while_it_is_followed_and_written(
    store: EventStore, owner_pool: Pool
) -> None:
    """Store case 7: the same for a projection with a checkpoint: the projector goes on where the new table ends."""
    for number in range(40):
        await record(store, await register(store, f"w{number}"), domain(number))
    seen, done = Seen(), asyncio.Event()
    follower = Projector(store, seen, batch=20)
    await follower.catch_up()
    await owner_pool.execute("delete from projection.seen_v1 where position % 3 = 0")
    writing = asyncio.create_task(write_until(store, done))
    following = asyncio.create_task(follower.run())
    assert (await rebuild(EventStore(owner_pool), Seen(), batch=15)).events >= 80
    done.set()
    await writing
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await follower.catch_up()
    assert await Seen.rows(store.pool) == await expected(store.pool)
    await record(store, await register(store, "later"), domain(1))
    assert await follower.catch_up() == 2
    assert await Seen.rows(store.pool) == await expected(store.pool)


async def test_a_rebuild_takes_parked_streams_up_again(store: EventStore, owner_pool: Pool) -> None:
    await record(store, await register(store, "acme"), domain(666))
    seen = Seen()
    seen.poison = {"a666.example"}
    await Projector(store, seen, attempts=1).catch_up()
    assert len(await read_parked(store.pool, seen.name)) == 1
    with pytest.raises(ValueError, match="cannot take in"):
        await rebuild(EventStore(owner_pool), seen)
    assert len(await read_parked(store.pool, seen.name)) == 1
    await rebuild(EventStore(owner_pool), Seen())
    assert await read_parked(store.pool, seen.name) == []
    assert await Seen.rows(store.pool) == await expected(store.pool)


async def test_the_timeline_can_be_rebuilt_from_nothing(store: EventStore, owner_pool: Pool) -> None:
    await record(store, await register(store, "acme"), domain(1))
    await rebuild(EventStore(owner_pool), Timeline())
    assert [entry.version for entry in await read_timeline(store.pool, "acme")] == [2, 1]
    assert await Projector(store, Timeline()).catch_up() == 0
