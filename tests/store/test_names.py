"""Names and their keys, apart from the events: sealed, found again, forgotten for good, and held to their ids."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from support.database import Pool, TestDatabase
from support.identity_world import KEY

from events.catalogue.configuration import WorkspaceRegistered
from events.catalogue.system import ApiTokenCreated, NameShredded
from events.envelope import Actor, Context, NewEvent
from events.name_ids import is_name_id
from events.name_seals import NamesKey, OpenedName
from events.names import FORGOTTEN, UNKNOWN, UNREADABLE, UNTRUE, Names
from events.names_check import check_names
from events.sealing import KeyRing
from events.store import ANY_VERSION, EventStore
from events.verify import verify_log
from projections.check import check_read_models

OTHER_KEY = bytes(range(1, 33))
ADA, GRACE = "ada@acme.example", "grace@acme.example"
NOWHERE = "~" + "A" * 43


@pytest.fixture
def names(pool: Pool) -> Names:
    """The names of this database, as one process knows them."""
    return Names(pool, KeyRing([KEY]))


@asynccontextmanager
async def owner_of(database: TestDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Lend a connection of whoever owns the tables."""
    connection = await asyncpg.connect(database.owner_dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def shred(pool: Pool, names: Names, id_: str) -> bool:
    """Forget a person."""
    async with pool.acquire() as connection:
        return await names.shred(connection, id_)


async def registered(pool: Pool, names: Names) -> None:
    """Record an event that names two people."""
    actor = await names.actor("token", ADA)
    context = Context(actor, requested_by=await names.resolve(GRACE))
    store = EventStore(pool)
    event = NewEvent.of(WorkspaceRegistered(slug="acme", name="Acme", plan="one"))
    await store.append("acme", 0, store.prepare([event], context))


async def dump(connection: "asyncpg.Connection[asyncpg.Record]") -> str:
    """Return all rows of all tables as text."""
    tables = await connection.fetch(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables"
        " where schemaname in ('ledger', 'projection', 'identity')"
    )
    rows = [await connection.fetch(f"select t::text from {table['name']} t") for table in tables]
    return "\n".join(row[0] for found in rows for row in found)


async def test_the_same_name_has_the_same_id_in_every_process(pool: Pool, names: Names) -> None:
    id_ = await names.resolve(ADA)
    assert is_name_id(id_)
    assert await names.resolve(ADA) == id_
    assert await Names(pool, KeyRing([KEY])).resolve(ADA) == id_
    assert await names.find(ADA) == id_
    assert await names.resolve(GRACE) != id_
    assert await names.find("nobody") is None


async def test_processes_that_meet_a_name_at_once_give_it_one_id(pool: Pool) -> None:
    processes = [Names(pool, KeyRing([KEY])) for _ in range(12)]
    ids = await asyncio.gather(*(one.resolve(ADA) for one in processes))
    assert len(set(ids)) == 1


async def test_a_known_name_costs_no_look_at_the_database(names: Names) -> None:
    """An append by a caller who was here a moment ago takes no further round trip, and the process keeps no names."""
    id_ = await names.resolve(ADA)
    names._pool = None  # type: ignore[assignment]
    assert await names.resolve(ADA) == id_
    assert ADA not in repr(names._known)


async def test_neither_events_nor_tables_hold_a_name_in_clear(pool: Pool, names: Names, database: TestDatabase) -> None:
    await registered(pool, names)
    async with owner_of(database) as owner:
        text = await dump(owner)
    assert ADA not in text
    assert GRACE not in text
    assert ADA.encode().hex() not in text
    (event,) = await EventStore(pool).read_stream("acme")
    assert await names.show([event.actor.id, event.requested_by or ""]) == {
        event.actor.id: ADA,
        event.requested_by: GRACE,
    }
    assert ADA not in repr(await names.everybody())


async def test_case_shredded_a_forgotten_name_is_gone_and_the_log_verifies_and_replays(
    pool: Pool, names: Names, database: TestDatabase
) -> None:
    """No event changes; readers see a placeholder; the same name later is somebody else's id."""
    await registered(pool, names)
    before = await pool.fetch("select canonical, hash from ledger.events")
    id_ = await names.resolve(ADA)
    assert await shred(pool, names, id_)
    assert not await shred(pool, names, id_)
    assert await names.show([id_, NOWHERE]) == {id_: FORGOTTEN, NOWHERE: UNKNOWN}
    assert await names.find(ADA) is None
    row = await pool.fetchrow("select digest, sealed, shredded_at is null from ledger.names where name_id = $1", id_)
    assert row is not None
    assert tuple(row) == (None, None, False)
    assert await pool.fetch("select canonical, hash from ledger.events") == before
    store = EventStore(pool)
    assert (await verify_log(store)).fault is None
    assert (await store.read_stream("acme"))[0].actor == Actor("token", id_)
    again = await names.resolve(ADA)
    assert again != id_
    assert await names.show([id_, again]) == {id_: FORGOTTEN, again: ADA}


async def test_a_name_that_is_forgotten_elsewhere_is_used_for_a_minute_at_most(
    pool: Pool, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And shown nowhere from the moment on: readers look at the table each time."""
    id_ = await names.resolve(ADA)
    elsewhere = Names(pool, KeyRing([KEY]))
    await shred(pool, elsewhere, id_)
    assert await names.show([id_]) == {id_: FORGOTTEN}
    assert await names.resolve(ADA) == id_
    names._known = type(names._known)((digest, (0.0, known)) for digest, (_, known) in names._known.items())
    assert await names.resolve(ADA) != id_


async def test_rotation_wraps_the_key_of_names_anew_and_they_still_open(pool: Pool, names: Names) -> None:
    id_ = await names.resolve(ADA)
    both = Names(pool, KeyRing([OTHER_KEY, KEY]))
    assert (await both.rewrap(), await both.rewrap()) == (1, 0)
    alone = Names(pool, KeyRing([OTHER_KEY]))
    assert await alone.show([id_]) == {id_: ADA}
    assert await alone.resolve(ADA) == id_


async def test_without_its_key_the_history_is_still_read_and_says_that_names_are_unreadable(
    pool: Pool, names: Names
) -> None:
    id_ = await names.resolve(ADA)
    stranger = Names(pool, KeyRing([OTHER_KEY]))
    assert await stranger.show([id_]) == {id_: UNREADABLE}
    (problem,) = await check_names(pool, stranger)
    assert "KEYLEDGER_SECRET_KEYS" in problem.problem


async def test_a_swapped_name_is_shown_as_such_and_found(pool: Pool, names: Names, database: TestDatabase) -> None:
    """Two rows' seals exchanged do not open; another name, sealed by who holds the keys, is not what the id is of."""
    await registered(pool, names)
    assert await check_names(pool, names) == []
    ada, grace = await names.resolve(ADA), await names.resolve(GRACE)
    async with owner_of(database) as owner:
        seals = {row[0]: row[1] for row in await owner.fetch("select name_id, sealed from ledger.names")}
        await owner.execute("update ledger.names set sealed = $2 where name_id = $1", ada, seals[grace])
        key = names._key
        assert isinstance(key, NamesKey)
        forged = key.seal(grace, OpenedName("eve@acme.example", key.open(grace, seals[grace]).key))
        await owner.execute("update ledger.names set sealed = $2 where name_id = $1", grace, forged)
        assert await names.show([ada, grace]) == {ada: UNREADABLE, grace: UNTRUE}
        assert {one.name_id for one in await check_names(pool, names)} == {ada, grace}
        await owner.execute("update ledger.names set sealed = $2 where name_id = $1", ada, seals[ada])
        await owner.execute(
            "update ledger.names set sealed = $2, digest = sha256('x') where name_id = $1", grace, seals[grace]
        )
    assert await names.show([ada, grace]) == {ada: ADA, grace: UNTRUE}


async def test_a_name_that_the_log_tells_to_be_forgotten_and_one_that_nothing_is_kept_of_are_found(
    pool: Pool, names: Names
) -> None:
    ada, store = await names.resolve(ADA), EventStore(pool)
    context = Context(await names.actor("operator", "root"))
    data = [NameShredded(name_id=ada), ApiTokenCreated(token_id="t1", holder=NOWHERE, role="support")]
    await store.append("$system", ANY_VERSION, store.prepare([NewEvent.of(one) for one in data], context))
    found = {one.name_id: one.problem for one in await check_names(pool, names)}
    assert found.keys() == {ada, NOWHERE}
    assert "forgotten at position 1" in found[ada]
    assert "nothing is kept" in found[NOWHERE]
    assert not (await check_read_models(store)).differences


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger.names set digest = null, sealed = null, shredded_at = now()",
        "delete from ledger.names",
        "truncate ledger.names",
        "insert into ledger.names (name_id, shredded_at) values ('~' || repeat('A', 43), now())",
        "delete from ledger.names_key",
        "update ledger.names_key set key_id = gen_random_uuid()",
    ],
)
async def test_the_service_adds_names_and_forgets_them_and_can_do_nothing_else_to_them(
    pool: Pool, names: Names, statement: str
) -> None:
    await names.resolve(ADA)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(statement)


async def test_what_tells_that_somebody_was_forgotten_stays(pool: Pool, names: Names, database: TestDatabase) -> None:
    await names.resolve(ADA)
    async with owner_of(database) as owner:
        with pytest.raises(asyncpg.PostgresError, match="refused"):
            await owner.execute("delete from ledger.names")


async def test_events_from_before_names_were_kept_apart_read_verify_and_replay_as_they_are(
    pool: Pool, names: Names
) -> None:
    store = EventStore(pool)
    context = Context(Actor("token", ADA), requested_by=GRACE)
    event = NewEvent.of(WorkspaceRegistered(slug="acme", name="Acme", plan="one"))
    await store.append("acme", 0, store.prepare([event], context))
    (read,) = await store.read_stream("acme")
    assert (read.actor, read.requested_by) == (Actor("token", ADA), GRACE)
    assert (await verify_log(store)).fault is None
    assert await check_names(pool, names) == []
