"""A dump is restored into a fresh database, as service/BACKUP.md has it: the same ledger, under the same guards."""

import asyncio
import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from support.command_line import CommandLine, bare_environment
from support.database import Pool, TestDatabase
from support.identity_world import KEY
from support.management import managed
from support.sealed import CLIENT_SECRET, opened, with_secret

from events.sealing import KeyRing, WrappingKeyMissing
from events.secrets import SecretVault
from events.store import EventStore
from projections.projector import Projector
from projections.timeline import Timeline
from service.db import open_pool, transaction
from service.postgres_process import wheel_binaries

GUARDS = """
    select 'table ' || n.nspname || '.' || c.relname, c.relacl::text || pg_get_userbyid(c.relowner)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('ledger', 'projection', 'identity') and c.relkind in ('r', 'S')
    union all
    select 'column ' || a.attrelid::regclass || '.' || a.attname, a.attacl::text from pg_attribute a
    where a.attacl is not null and a.attrelid::regclass::text like 'ledger.%'
    union all
    select 'function ' || p.oid::regprocedure, p.proacl::text || pg_get_userbyid(p.proowner) || p.prosecdef
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('ledger', 'projection', 'identity')
    union all
    select 'trigger ' || t.tgrelid::regclass || '.' || t.tgname, t.tgenabled::text from pg_trigger t
    where not t.tgisinternal
    union all
    select 'schema ' || n.nspname, n.nspacl::text from pg_namespace n
    where n.nspname in ('ledger', 'projection', 'identity')
    order by 1
"""
COUNTERS = """
    select a.attrelid::regclass::text as table_name, a.attname as name,
        pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) as sequence
    from pg_attribute a where a.attidentity <> ''
"""


def dumped(source: str, file: Path) -> None:
    """Take a dump, as an operator does."""
    subprocess.run([wheel_binaries() / "pg_dump", "--format=custom", f"--file={file}", source], check=True)


def restored(file: Path, target: str) -> None:
    """Restore it into an empty database of a server that has the roles."""
    subprocess.run([wheel_binaries() / "pg_restore", "--exit-on-error", f"--dbname={target}", file], check=True)


async def rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    """Ask a database as its superuser."""
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def shred(pool: Pool, slug: str) -> None:
    """Shred a workspace's secrets."""
    async with transaction(pool) as connection:
        await SecretVault(pool, KeyRing([KEY])).shred(connection, slug)


def operator_of(database: TestDatabase, **more: str) -> CommandLine:
    """Return the command of an operator with the secret keys of the installation."""
    given = {
        "KEYLEDGER_DATABASE_URL": database.runtime_dsn,
        "KEYLEDGER_OWNER_DATABASE_URL": database.owner_dsn,
        "KEYLEDGER_SECRET_KEYS": base64.b64encode(KEY).decode(),
    }
    return CommandLine({**bare_environment(), **given, **more})


async def test_a_restored_dump_goes_on_under_the_same_guards_and_a_checkpoint_tells_what_came_after_it(
    pool: Pool, database: TestDatabase, empty_database: TestDatabase, tmp_path: Path
) -> None:
    published, file = tmp_path / "checkpoints", tmp_path / "keyledger.dump"
    before = operator_of(database, KEYLEDGER_CHECKPOINT_DIR=str(published))
    async with managed(pool) as api:
        await with_secret(api, "acme")
        await with_secret(api, "shredded")
        await with_secret(api, "later")
        await shred(pool, "shredded")
        await before.done("checkpoint")
        await Projector(api.store, Timeline()).catch_up()
        head = await api.store.head()
        await asyncio.to_thread(dumped, database.superuser_dsn, file)
        await shred(pool, "later")
        for number in range(3):
            await api.record("acme", "DomainAdded", {"domain": f"lost{number}.example"})
        await before.done("checkpoint")
        lost = await api.store.head()
        cursor = (await api.get("/workspaces/acme/events?limit=1"))["next"]
    await asyncio.to_thread(restored, file, empty_database.superuser_dsn)
    assert await rows(empty_database.superuser_dsn, GUARDS) == await rows(database.superuser_dsn, GUARDS)
    after = operator_of(empty_database, KEYLEDGER_CHECKPOINT_DIR=str(published))
    await after.done("verify")
    told = (await after("verify", "--since", str(published), "--json")).json
    assert (told["kind"], told["position"]) == ("restored", head.position + 1)
    missing = told["missing"]
    assert (missing["events"], missing["first"], missing["last"]) == (3, head.size, lost.size - 1)
    assert (missing["after"], missing["until"]) == (head.position, lost.position)
    epoch = json.loads((await after.done("restored", "--reason", "the nightly dump", "--json")).out)["epoch"]
    async with open_pool(SecretStr(empty_database.runtime_dsn), size=5) as fresh:
        await it_goes_on(fresh, empty_database, head.position, epoch, cursor)
        await secrets_are_as_in_the_backup(fresh)
    assert "Live equals replay" in (await after.done("check")).out
    await after.done("verify")


async def it_goes_on(fresh: Pool, database: TestDatabase, position: int, epoch: int, cursor: str) -> None:
    """Nothing is numbered twice, nothing recorded can be changed, and readers of before are told."""
    for table, column, sequence in await rows(database.superuser_dsn, COUNTERS):
        ((last, most),) = await rows(
            database.superuser_dsn, f"select s.last_value, (select max({column}) from {table}) from {sequence} s"
        )
        assert most is None or last >= most, table
    # The names of tokens are never given again, and this one is to be.
    await rows(database.superuser_dsn, "update identity.api_tokens set name = 'before' returning 1")
    async with managed(fresh) as api:
        recorded = await api.record("acme", "DomainAdded", {"domain": "later.example"})
        assert recorded["events"][0]["position"] > position
        assert (await api.get("/events?after=1&epoch=1", 412))["epoch"] == epoch
        assert (
            "before a backup was restored" in (await api.get(f"/workspaces/acme/events?cursor={cursor}", 422))["detail"]
        )
        assert await Projector(EventStore(fresh), Timeline()).catch_up() > 0
    for statement in ("delete from ledger.events", "update ledger.events set type = 'x'"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await fresh.execute(statement)
    owner = await asyncpg.connect(database.owner_dsn)
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await owner.execute("delete from ledger.events")
    await owner.close()


async def secrets_are_as_in_the_backup(fresh: Pool) -> None:
    """They open with the same keys and with no others.

    What was shredded before the backup is not in it; what was shredded after it is there until that is repeated.
    """
    assert await opened(fresh, "acme", KEY) == CLIENT_SECRET
    with pytest.raises(WrappingKeyMissing):
        await opened(fresh, "acme", bytes(range(1, 33)))
    assert await opened(fresh, "shredded", KEY) is None
    assert await opened(fresh, "later", KEY) == CLIENT_SECRET
    await shred(fresh, "later")
    assert await opened(fresh, "later", KEY) is None
