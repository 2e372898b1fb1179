"""A projection misses no event and counts none twice, whatever happens to the instances that run it."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg
import pytest
from support.database import Pool, TestDatabase, on_both_servers
from support.following import TABLE, Seen, expected
from support.ledger import domain, record, register

from events.store import EventStore
from projections.projection import CheckpointMoved, LogWentBack, move_checkpoint, read_checkpoint, take_turn
from projections.projector import Projector

if TYPE_CHECKING:
    from events.store import Connection


@pytest.fixture
async def store(pool: Pool, owner_pool: Pool) -> EventStore:
    await owner_pool.execute(TABLE)
    return EventStore(pool)


async def fill(store: EventStore, slug: str, events: int) -> None:
    await record(store, await register(store, slug), *(domain(number) for number in range(events)))


@on_both_servers
async def test_a_projection_takes_in_every_event_once_and_remembers_how_far_it_came(store: EventStore) -> None:
    await fill(store, "acme", 25)
    seen = Seen()
    projector = Projector(store, seen, batch=10)
    assert await projector.catch_up() == 26
    assert await seen.rows(store.pool) == await expected(store.pool)
    await fill(store, "other", 2)
    assert await Projector(store, seen, batch=10).catch_up() == 3
    assert seen.delivered == [row[0] for row in await expected(store.pool)]


@on_both_servers
async def test_case_5_an_instance_that_dies_between_its_writes_and_its_checkpoint_leaves_neither(
    store: EventStore,
) -> None:
    """Store case 5: the session ends after the read model was written; the batch comes again and counts once."""
    await fill(store, "acme", 25)
    seen = Seen()

    async def die(conn: "Connection") -> None:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError):
            await conn.execute("select pg_terminate_backend(pg_backend_pid())")
        raise ConnectionResetError

    seen.afterwards = die
    for _ in range(3):
        with pytest.raises(asyncpg.InterfaceError):
            await Projector(store, seen, batch=10).step()
        assert await seen.rows(store.pool) == []
    seen.afterwards = None
    await Projector(store, seen, batch=10).catch_up()
    assert await seen.rows(store.pool) == await expected(store.pool)


async def test_case_5_a_batch_that_is_delivered_again_or_out_of_order_changes_nothing(store: EventStore) -> None:
    """Store case 5: the same events three times, and backwards: the same read model."""
    await fill(store, "acme", 9)
    seen = Seen()
    events = await store.read_all()
    async with store.pool.acquire() as connection:
        for batch in (events[5:], events[:5], events, list(reversed(events))):
            await seen.apply(connection, "projection.seen_v1", batch)
    assert await seen.rows(store.pool) == await expected(store.pool)


@on_both_servers
async def test_case_6_of_two_instances_at_one_projection_each_event_counts_once(store: EventStore) -> None:
    """Store case 6: instances race, and one loses its connection in the middle of a batch."""
    await fill(store, "acme", 60)
    losses = 0

    async def lose_now_and_then(conn: "Connection") -> None:
        nonlocal losses
        losses += 1
        if losses in (2, 4):
            await conn.execute("select pg_terminate_backend(pg_backend_pid())")

    projections = [Seen() for _ in range(3)]
    projections[0].afterwards = lose_now_and_then

    async def follow(seen: Seen) -> None:
        while (await read(store)) < 61:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError):
                await Projector(store, seen, batch=5).step()

    async with asyncio.timeout(30):
        await asyncio.gather(*(follow(seen) for seen in projections))
    assert losses >= 2
    assert await projections[0].rows(store.pool) == await expected(store.pool)


async def read(store: EventStore) -> int:
    query = "select coalesce((select position from projection.checkpoints where projection = 'seen_v1'), 0)"
    return int(await store.pool.fetchval(query))


@on_both_servers
async def test_case_6_the_slower_of_two_that_read_the_same_checkpoint_is_rolled_back(store: EventStore) -> None:
    """Store case 6: even without the lock, the checkpoint moves once from where it was read."""
    await fill(store, "acme", 3)
    async with store.pool.acquire() as first, store.pool.acquire() as second:
        seen = await read_checkpoint(first, "seen_v1")
        assert await read_checkpoint(second, "seen_v1") == seen
        await move_checkpoint(second, "seen_v1", seen, 2)
        with pytest.raises(CheckpointMoved):
            await move_checkpoint(first, "seen_v1", seen, 3)
    assert await read(store) == 2


async def test_while_one_instance_is_at_work_another_leaves_it_alone(store: EventStore) -> None:
    await fill(store, "acme", 3)
    seen = Seen()
    async with store.pool.acquire() as working, working.transaction():
        assert await take_turn(working, seen.name)
        step = await Projector(store, seen).step()
        assert (step.passed, seen.delivered) == (0, [])
    assert await Projector(store, seen).catch_up() == 4


async def test_a_running_projector_follows_new_events_and_outlives_trouble(
    store: EventStore, database: TestDatabase
) -> None:
    """All its connections are ended while it runs; it goes on where it was."""
    await fill(store, "acme", 3)
    seen = Seen()
    noted = asyncio.Event()

    async def tell(_conn: "Connection") -> None:
        noted.set()

    seen.afterwards = tell
    projector = Projector(store, seen)
    running = asyncio.create_task(projector.run())
    async with asyncio.timeout(20):
        await noted.wait()
        superuser = await asyncpg.connect(database.superuser_dsn)
        await superuser.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'keyledger_app'"
        )
        await superuser.close()
        noted.clear()
        await fill(store, "other", 3)
        projector.wake()
        await noted.wait()
        while await read(store) < (await store.head()).position:
            await noted.wait()
    running.cancel()
    assert await seen.rows(store.pool) == await expected(store.pool)


@on_both_servers
async def test_a_log_that_went_back_is_noticed_and_needs_a_rebuild(store: EventStore, owner_pool: Pool) -> None:
    """After a restore a new epoch begins; a projection that has seen more than the log now holds does not go on."""
    await fill(store, "acme", 3)
    projector = Projector(store, Seen())
    await projector.catch_up()
    await owner_pool.execute("select ledger.begin_epoch('restored from the nightly backup')")
    await fill(store, "other", 1)
    assert await projector.catch_up() == 2
    await owner_pool.execute("update projection.checkpoints set position = 1000")
    with pytest.raises(LogWentBack, match="keyledger rebuild seen"):
        await projector.step()
    await owner_pool.execute("update projection.checkpoints set position = 5, epoch = 1")
    with pytest.raises(LogWentBack):
        await projector.step()
