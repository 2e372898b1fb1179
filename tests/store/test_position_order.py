"""A reader that has seen a position never finds an event at or below it later; and misses none."""

import asyncio
import random
from itertools import permutations
from typing import TYPE_CHECKING

import asyncpg
import pytest
from support.database import Connection, Pool, TestDatabase, on_both_servers
from support.ledger import ADA, domain, register

from events.envelope import NewEvent
from events.store import ANY_VERSION, EventStore

if TYPE_CHECKING:
    from events.store import Connection as StoreConnection

WRITERS = 8
APPENDS = 25


async def add(store: EventStore, slug: str, number: int, connection: "StoreConnection | None" = None) -> None:
    """Append one event at whatever version the stream has."""
    prepared = store.prepare([NewEvent.of(domain(number))], ADA)
    await store.append(slug, ANY_VERSION, prepared, conn=connection)


async def blocked(watcher: Connection, waiting: int) -> None:
    """Wait until so many sessions wait for the append lock."""
    query = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    async with asyncio.timeout(10):
        while await watcher.fetchval(query) != waiting:
            await watcher.execute("select pg_sleep(0.005)")


@on_both_servers
async def test_polling_readers_find_every_position_once_and_in_order_while_many_write(
    pool: Pool, database: TestDatabase
) -> None:
    """Writers append, some roll back; readers poll from the position they saw last."""
    store = EventStore(pool)
    for writer in range(WRITERS):
        await register(store, f"w{writer}")
    done = asyncio.Event()

    async def write(writer: int) -> None:
        connection = await asyncpg.connect(database.runtime_dsn)
        dice = random.Random(writer)  # noqa: S311 - the same dice at every run
        for number in range(APPENDS):
            transaction = connection.transaction()
            await transaction.start()
            await add(store, f"w{writer}", number, connection)
            if dice.random() < 0.3:
                await asyncio.sleep(0.002)
            await (transaction.rollback() if dice.random() < 0.2 else transaction.commit())
        await connection.close()

    async def poll() -> list[int]:
        seen: list[int] = []
        finished = False
        while not finished:
            finished = done.is_set()
            seen += [event.position for event in await store.read_all(seen[-1] if seen else 0, 7)]
            finished = finished and (await store.head()).position == seen[-1]
        return seen

    readers = [asyncio.create_task(poll()) for _ in range(3)]
    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    done.set()
    everything = [event.position for event in await store.read_all(0, 10_000)]
    assert len(everything) > WRITERS * APPENDS // 2
    for reader in readers:
        assert await reader == everything


@on_both_servers
@pytest.mark.parametrize("rolled_back", [None, 0, 1, 2])
async def test_case_1_a_second_writer_waits_for_the_first_and_readers_see_each_position_once(
    pool: Pool, database: TestDatabase, rolled_back: int | None
) -> None:
    """Store case 1: three open transactions in every order, one of them rolled back: they commit one after another."""
    store = EventStore(pool)
    for slug in ("a1", "a2", "a3"):
        await register(store, slug)
    connections = [await asyncpg.connect(database.runtime_dsn) for _ in range(3)]
    watcher = await asyncpg.connect(database.superuser_dsn)
    seen = [event.position for event in await store.read_all()]
    for order in permutations(range(3)):
        transactions = [connection.transaction() for connection in connections]
        for transaction in transactions:
            await transaction.start()
        appends = []
        for waiting, place in enumerate(order):
            appends.append(asyncio.create_task(add(store, f"a{place + 1}", place, connections[place])))
            if waiting == 0:
                await appends[0]
            else:
                await blocked(watcher, waiting)
        for append, place in zip(appends, order, strict=True):
            await append
            assert not await store.read_all(seen[-1])
            if place == rolled_back:
                await transactions[place].rollback()
            else:
                await transactions[place].commit()
                (event,) = await store.read_all(seen[-1])
                seen.append(event.position)
    assert seen == [event.position for event in await store.read_all()]
    for connection in (*connections, watcher):
        await connection.close()


@on_both_servers
@pytest.mark.parametrize("way", ["insert", "copy"])
async def test_a_superuser_s_script_that_inserts_past_the_append_waits_its_turn_too(
    pool: Pool, database: TestDatabase, way: str
) -> None:
    store = EventStore(pool)
    await register(store, "acme")
    superuser, watcher = [await asyncpg.connect(database.superuser_dsn) for _ in range(2)]
    columns = [
        "stream_id",
        "version",
        "leaf_index",
        "event_id",
        "recorded_at",
        "type",
        "schema_version",
        "canonical",
        "body",
    ]
    row = (await superuser.fetchrow(f"select {', '.join(columns)}, hash from ledger.events")) or ()
    values = list(row)
    values[1:4] = [50, 50, "00000000-0000-0000-0000-000000000050"]

    async def script() -> None:
        if way == "copy":
            await superuser.copy_records_to_table(
                "events", schema_name="ledger", columns=[*columns, "hash"], records=[tuple(values)]
            )
        else:
            marks = ", ".join(f"${place}" for place in range(1, 11))
            await superuser.execute(f"insert into ledger.events ({', '.join(columns)}, hash) values ({marks})", *values)

    async with pool.acquire() as writer, writer.transaction():
        await add(store, "acme", 1, writer)
        inserting = asyncio.create_task(script())
        await blocked(watcher, 1)
    await inserting
    positions = [event.position for event in await store.read_all()]
    versions = [event.version for event in await store.read_all()]
    assert positions == sorted(positions)
    assert versions == [1, 2, 50]
    await superuser.close()
    await watcher.close()
