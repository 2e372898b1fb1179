"""Nobody changes what is recorded: the runtime role may not, and whoever may is stopped by the guards."""

import asyncpg
import pytest
from support.database import Pool, TestDatabase, on_both_servers
from support.ledger import ADA, domain, record, register

from events.envelope import NewEvent
from events.store import EventStore

COLUMNS = "stream_id, version, leaf_index, event_id, recorded_at, type, schema_version, canonical, body, hash"
INSERT = f"insert into ledger.events ({COLUMNS})"
CHANGES = [
    "update ledger.events set canonical = '{}'",
    "update ledger.events set version = version where false",
    "delete from ledger.events",
    "delete from ledger.events where false",
    "truncate ledger.events",
    "truncate ledger.events, ledger.streams cascade",
    f"{INSERT} select {COLUMNS} from ledger.events on conflict (stream_id, version) do update set hash = excluded.hash",
    "merge into ledger.events e using (select 1) s on true when matched then delete",
    "delete from ledger.streams",
    "truncate ledger.streams",
    "update ledger.epochs set reason = 'x'",
    "delete from ledger.epochs",
]
WRITES = [
    f"{INSERT} values ('acme', 9, 9, gen_random_uuid(), now(), 'X', 1, '{{}}', '{{}}', sha256(''))",
    "insert into ledger.streams values ('acme', 1, sha256(''), 1)",
    "update ledger.streams set version = 9",
    "insert into ledger.epochs (epoch, began_after, reason) values (2, 0, 'x')",
    "select ledger.begin_epoch('x')",
    "select setval('ledger.events_position_seq', 1)",
    'select projection.put_connection(\'acme\', 1, 99, 1, \'{"slug": "acme", "version": 1}\')',
    "insert into projection.connections (slug) values ('x')",
    "update projection.connections set version = 9",
    "delete from projection.connections",
    "alter table ledger.events disable trigger events_append_only",
    "drop trigger events_append_only on ledger.events",
    "drop table ledger.events",
    "update ledger.secrets set sealed = ''",
    "delete from ledger.data_keys",
    "truncate ledger.data_keys",
    "delete from ledger.migrations",
    "set session_replication_role = replica",
]


async def filled(pool: Pool) -> EventStore:
    store = EventStore(pool)
    await record(store, await register(store, "acme"), domain(1))
    return store


@on_both_servers
async def test_the_guards_refuse_changes_even_to_a_superuser_who_plays_a_replica(
    pool: Pool, database: TestDatabase
) -> None:
    store = await filled(pool)
    before = await store.read_all()
    superuser = await asyncpg.connect(database.superuser_dsn)
    for role in ("origin", "replica"):
        await superuser.execute(f"set session_replication_role = {role}")
        for statement in CHANGES:
            with pytest.raises(asyncpg.PostgresError, match="append-only") as refused:
                await superuser.execute(statement)
            assert refused.value.sqlstate == "KL004", statement
    await superuser.close()
    assert await store.read_all() == before


@on_both_servers
async def test_the_runtime_role_can_only_read_and_append(pool: Pool) -> None:
    store = await filled(pool)
    before = await store.read_all()
    allowed = [statement for statement in (*CHANGES, *WRITES) if not await refused_for_want_of_rights(pool, statement)]
    assert allowed == []
    assert await store.read_all() == before


async def refused_for_want_of_rights(pool: Pool, statement: str) -> bool:
    try:
        await pool.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return True
    return False


async def test_names_that_a_caller_slips_into_the_search_path_mislead_no_append(pool: Pool) -> None:
    """The append runs with its owner's rights; what the caller created in a schema of its own is not looked at."""
    store = EventStore(pool)
    async with pool.acquire() as connection:
        await connection.execute(
            """
            create function pg_temp.sha256(bytea) returns bytea language sql as $$ select '\\x00'::bytea $$;
            create temporary table events (position bigint);
            set search_path = pg_temp, public
            """
        )
        await register(store, "acme")
        appended = await store.append("acme", 1, store.prepare([NewEvent.of(domain(2))], ADA), conn=connection)
        await connection.execute("reset search_path")
    assert len(appended.recorded[0].hash) == 32
