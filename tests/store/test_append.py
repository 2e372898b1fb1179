"""What an append promises: all or nothing, at the expected version, once for each event id, in order, with its time."""

import asyncio
from datetime import UTC, timedelta

import asyncpg
import pytest
from msgspec.structs import replace
from support.database import Pool, TestDatabase, on_both_servers
from support.ledger import ADA, domain, record, register

from events.catalogue.configuration import JitDisabled, WorkspaceRegistered
from events.catalogue.system import SYSTEM_STREAM, ApiTokenRevoked
from events.envelope import NewEvent
from events.store import (
    ANY_VERSION,
    NO_STREAM,
    EventIdConflict,
    EventStore,
    InvalidAppend,
    StoreBusy,
    VersionConflict,
)
from events.workspace import replay


@pytest.fixture
def store(pool: Pool) -> EventStore:
    return EventStore(pool)


@on_both_servers
async def test_what_was_appended_is_read_back_as_it_was_recorded(store: EventStore) -> None:
    state = await record(store, await register(store, "acme"), domain(1), JitDisabled())
    events = await store.read_stream("acme")
    assert [(event.version, event.type) for event in events] == [
        (1, "WorkspaceRegistered"),
        (2, "DomainAdded"),
        (3, "JitDisabled"),
    ]
    assert events[0].actor == ADA.actor
    assert (events[0].reason, events[0].correlation_id, events[0].ticket) == (ADA.reason, ADA.correlation_id, None)
    assert replay("acme", events).to_document() == state.to_document()
    assert await store.read_all() == events
    head = await store.head()
    assert (head.position, head.size, head.recorded_at) == (events[-1].position, 3, events[-1].recorded_at)


@on_both_servers
async def test_case_2_of_twenty_appends_at_one_version_exactly_one_wins(store: EventStore) -> None:
    """Store case 2: twenty parallel appends expect the same version; one is recorded, nineteen learn the version."""
    await register(store, "acme")
    appends = [store.append("acme", 1, store.prepare([NewEvent.of(domain(n))], ADA)) for n in range(20)]
    results = await asyncio.gather(*appends, return_exceptions=True)
    conflicts = [result for result in results if isinstance(result, VersionConflict)]
    assert len(conflicts) == 19
    assert {conflict.actual for conflict in conflicts} == {2}
    assert [event.version for event in await store.read_stream("acme")] == [1, 2]


@on_both_servers
async def test_case_2_twenty_appends_at_any_version_are_all_kept_with_dense_versions(store: EventStore) -> None:
    """Store case 2: twenty parallel appends that expect any version lose nothing and leave no gap."""
    await register(store, "acme")
    appends = [store.append("acme", ANY_VERSION, store.prepare([NewEvent.of(domain(n))], ADA)) for n in range(20)]
    await asyncio.gather(*appends)
    events = await store.read_stream("acme")
    assert [event.version for event in events] == list(range(1, 22))
    assert [event.leaf_index for event in events] == list(range(21))
    assert {event.data["domain"] for event in events[1:]} == {f"a{n}.example" for n in range(20)}


async def test_a_stream_is_created_once(store: EventStore) -> None:
    await register(store, "acme")
    with pytest.raises(VersionConflict):
        await register(store, "acme")


async def test_an_append_is_all_or_nothing(store: EventStore) -> None:
    await register(store, "acme")
    good = store.prepare([NewEvent.of(domain(1))], ADA)
    known = store.prepare([NewEvent.of(domain(2))], ADA)
    await store.append("acme", 1, known)
    with pytest.raises(EventIdConflict):
        await store.append("acme", 2, [*good, *known])
    assert [event.version for event in await store.read_stream("acme")] == [1, 2]


@on_both_servers
async def test_the_same_append_again_answers_as_the_first_time_and_adds_nothing(store: EventStore) -> None:
    await register(store, "acme")
    prepared = store.prepare([NewEvent.of(domain(1)), NewEvent.of(domain(2))], ADA)
    first = await store.append("acme", 1, prepared)
    await store.append("acme", 3, store.prepare([NewEvent.of(domain(3))], ADA))
    again = await store.append("acme", 1, prepared)
    assert again.recorded == first.recorded
    assert (first.replayed, again.replayed) == (False, True)
    assert (await store.head()).size == 4


@on_both_servers
async def test_case_4_an_event_id_with_other_content_or_elsewhere_is_a_conflict(store: EventStore) -> None:
    """Store case 4: the same event id with another payload, in another workspace, or in another order, is refused."""
    await register(store, "acme")
    await register(store, "other")
    prepared = store.prepare([NewEvent.of(domain(1)), NewEvent.of(domain(2))], ADA)
    await store.append("acme", 1, prepared)
    ids = [event.event_id for event in prepared]
    other_content = store.prepare([NewEvent.of(domain(8)), NewEvent.of(domain(9))], ADA, ids)
    with pytest.raises(EventIdConflict):
        await store.append("acme", 3, other_content)
    with pytest.raises(EventIdConflict):
        await store.append("other", 1, prepared)
    with pytest.raises(EventIdConflict):
        await store.append("acme", 3, list(reversed(prepared)))
    assert (await store.head()).size == 4


async def test_an_event_id_twice_in_one_append_is_a_conflict(store: EventStore) -> None:
    await register(store, "acme")
    (event,) = store.prepare([NewEvent.of(domain(1))], ADA)
    with pytest.raises(EventIdConflict):
        await store.append("acme", 1, [event, event])


@on_both_servers
async def test_case_10_times_are_utc_and_rise_with_the_position_whatever_the_server_s_time_zone(
    database: TestDatabase, owner_pool: Pool
) -> None:
    """Store case 10: the server lives in Berlin; times are aware, in UTC, and strictly later with each position."""
    await owner_pool.execute(f"alter database {database.name} set timezone = 'Europe/Berlin'")
    connection = await asyncpg.create_pool(database.runtime_dsn, min_size=1, max_size=1)
    async with connection:
        store = EventStore(connection)
        state = await register(store, "acme")
        await record(store, state, *(domain(n) for n in range(200)))
        events = await store.read_all()
    times = [event.recorded_at for event in events]
    assert times == sorted(set(times))
    assert {time.utcoffset() for time in times} == {timedelta(0)}


async def test_case_10_reading_up_to_a_moment_takes_it_in_and_needs_a_time_zone(store: EventStore) -> None:
    """Store case 10: an event belongs to the moment it was recorded at, and a naive moment is refused."""
    await record(store, await register(store, "acme"), domain(1), domain(2))
    second = (await store.read_stream("acme"))[1]
    assert [e.version for e in await store.read_stream("acme", until=second.recorded_at)] == [1, 2]
    just_before = second.recorded_at - timedelta(microseconds=1)
    assert [e.version for e in await store.read_stream("acme", until=just_before)] == [1]
    with pytest.raises(ValueError, match="time zone"):
        await store.read_stream("acme", until=second.recorded_at.replace(tzinfo=None))


async def test_a_clock_that_went_back_does_not_take_the_log_back(store: EventStore, database: TestDatabase) -> None:
    """The next event is recorded a microsecond after the last one, even if that lies in the future."""
    await register(store, "acme")
    superuser = await asyncpg.connect(database.superuser_dsn)
    await superuser.execute("alter table ledger.events disable trigger events_append_only")
    future = (await store.read_stream("acme"))[0].recorded_at.astimezone(UTC) + timedelta(days=400)
    await superuser.execute("update ledger.events set recorded_at = $1", future)
    await superuser.close()
    appended = await store.append("acme", 1, store.prepare([NewEvent.of(domain(1))], ADA))
    assert appended.recorded[0].recorded_at == future + timedelta(microseconds=1)


async def test_the_system_stream_needs_no_read_model(store: EventStore, pool: Pool) -> None:
    await store.append(SYSTEM_STREAM, ANY_VERSION, store.prepare([NewEvent.of(ApiTokenRevoked(token_id="t1"))], ADA))
    assert [event.type for event in await store.read_stream(SYSTEM_STREAM)] == ["ApiTokenRevoked"]
    assert await pool.fetchval("select count(*) from projection.connections") == 0


@pytest.mark.parametrize("stream", ["", "Acme", "a b", "-acme", "a" * 64, "$other"])
async def test_a_stream_is_named_by_a_slug(store: EventStore, stream: str) -> None:
    with pytest.raises(InvalidAppend):
        await store.append(stream, NO_STREAM, store.prepare([NewEvent.of(domain(1))], ADA))
    assert (await store.head()).size == 0


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"event_id":"no","type":"X","schema_version":1}', '"\\u0000"', '{"a":"\\ud800"}']
)
async def test_case_9_what_is_no_event_is_refused_without_repeating_it(store: EventStore, text: str) -> None:
    """Store case 9: text that is not an event does not get in past the application either."""
    (event,) = store.prepare([NewEvent.of(domain(1))], ADA)
    wrong = replace(event, canonical=text)
    with pytest.raises(InvalidAppend) as refused:
        await store.append("acme", NO_STREAM, [wrong])
    assert "ud800" not in str(refused.value)
    assert (await store.head()).size == 0


async def test_a_read_model_of_another_version_or_workspace_is_refused_with_its_events(store: EventStore) -> None:
    """The document that comes with an append has to be the state after it, or nothing is recorded."""
    state = await register(store, "acme")
    prepared = store.prepare([NewEvent.of(domain(1))], ADA)
    after = state.after(prepared)
    with pytest.raises(InvalidAppend):
        await store.append("acme", 1, prepared, {**after.to_document(), "version": 7})
    with pytest.raises(InvalidAppend):
        await store.append("acme", 1, prepared, {**after.to_document(), "slug": "other"})
    assert [event.version for event in await store.read_stream("acme")] == [1]


async def test_events_read_models_and_the_caller_s_writes_are_one_transaction(store: EventStore, pool: Pool) -> None:
    state = await register(store, "acme")
    prepared = store.prepare([NewEvent.of(domain(1))], ADA)
    document = state.after(prepared).to_document()
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await store.append("acme", 1, prepared, document, conn=connection)
        assert await connection.fetchval("select version from projection.connections") == 2
        await transaction.rollback()
    assert await pool.fetchval("select version from projection.connections") == 1
    assert len(await store.read_stream("acme")) == 1


async def test_an_append_on_a_snapshot_from_before_the_lock_is_refused(store: EventStore, pool: Pool) -> None:
    await register(store, "acme")
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        with pytest.raises(InvalidAppend, match="READ COMMITTED"):
            await store.append("acme", 1, store.prepare([NewEvent.of(domain(1))], ADA), conn=connection)


@on_both_servers
async def test_case_12_a_writer_that_stands_still_holds_up_writers_for_a_while_and_readers_not_at_all(
    store: EventStore, pool: Pool, database: TestDatabase
) -> None:
    """Store case 12: with a transaction idle after its append, reads answer at once and appends give up in time."""
    await register(store, "acme")
    await register(store, "other")
    owner = await asyncpg.connect(database.owner_dsn)
    signature = "ledger.append(text, bigint, text[], jsonb, int)"
    assert await owner.fetchval("select array_to_string(proconfig, ' ') from pg_proc where proname = 'append'")
    await owner.execute(f"alter function {signature} set lock_timeout = '200ms'")
    async with pool.acquire() as idle, idle.transaction():
        await store.append("acme", 1, store.prepare([NewEvent.of(domain(1))], ADA), conn=idle)
        with pytest.raises(StoreBusy):
            await store.append("other", 1, store.prepare([NewEvent.of(domain(1))], ADA))
        async with asyncio.timeout(1):
            assert len(await store.read_stream("acme")) == 1
            assert (await store.head()).size == 2
    await store.append("other", 1, store.prepare([NewEvent.of(domain(1))], ADA))
    await owner.close()


async def test_case_12_positions_go_on_above_2_to_the_31(store: EventStore, database: TestDatabase) -> None:
    """Store case 12: positions are 64 bits wide all the way."""
    await register(store, "acme")
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute("select setval('ledger.events_position_seq', 2147483647000)")
    await owner.close()
    appended = await store.append("acme", 1, store.prepare([NewEvent.of(domain(1))], ADA))
    assert appended.recorded[0].position == 2147483647001
    assert [event.position for event in await store.read_all(2147483647000)] == [2147483647001]


async def test_case_12_a_counter_that_fell_behind_stops_appends_and_says_what_to_run(
    store: EventStore, database: TestDatabase
) -> None:
    """Store case 12: after a restore that left the counter behind, no position is given twice."""
    await record(store, await register(store, "acme"), domain(1))
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute("select setval('ledger.events_position_seq', 1)")
    with pytest.raises(asyncpg.PostgresError, match="already reaches") as stopped:
        await store.append("acme", 2, store.prepare([NewEvent.of(domain(2))], ADA))
    await owner.execute(str(stopped.value.hint).removeprefix("As the owner, run: "))
    await store.append("acme", 2, store.prepare([NewEvent.of(domain(2))], ADA))
    await owner.close()


async def test_pages_are_bounded(store: EventStore) -> None:
    for limit in (0, 10_001):
        with pytest.raises(ValueError, match="page"):
            await store.read_all(0, limit)


async def test_a_new_registration_of_a_known_slug_is_refused_for_ever(store: EventStore) -> None:
    state = await register(store, "acme")
    again = store.prepare([NewEvent.of(WorkspaceRegistered(slug="acme", name="Again", plan="one"))], ADA)
    with pytest.raises(VersionConflict) as conflict:
        await store.append("acme", NO_STREAM, again)
    assert conflict.value.actual == state.version
