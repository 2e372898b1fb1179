"""What the migrations promise to whoever starts the service."""

import asyncio
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest
from support.database import TestDatabase, on_both_servers

from events.migrate import (
    DatabaseTooNew,
    MigrationChanged,
    MigrationError,
    MigrationSet,
    migrate,
    pending,
    read,
)

LEDGER = [MigrationSet(name, files(name) / "migrations") for name in ("events", "projections")]


def written(directory: Path, **contents: str) -> MigrationSet:
    """Return a set with these files; names come without their ending."""
    directory.mkdir(exist_ok=True)
    for name, text in contents.items():
        (directory / f"{name.lstrip('_')}.sql").write_text(text)
    return MigrationSet("mine", directory)


@on_both_servers
async def test_instances_that_start_at_once_apply_each_file_once(empty_database: TestDatabase) -> None:
    connections = [await asyncpg.connect(empty_database.owner_dsn) for _ in range(5)]
    applied = await asyncio.gather(*(migrate(connection, LEDGER) for connection in connections))
    wanted = [str(migration) for one in LEDGER for migration in read(one)]
    assert sorted(str(migration) for done in applied for migration in done) == sorted(wanted)
    assert [await pending(connection, LEDGER) for connection in connections] == [[]] * 5
    for connection in connections:
        await connection.close()


async def test_what_is_missing_is_told_before_any_table_exists(empty_database: TestDatabase) -> None:
    connection = await asyncpg.connect(empty_database.runtime_dsn)
    assert len(await pending(connection, LEDGER)) == sum(len(read(one)) for one in LEDGER)
    await connection.close()


async def test_the_runtime_role_can_tell_what_is_missing(database: TestDatabase) -> None:
    connection = await asyncpg.connect(database.runtime_dsn)
    assert await pending(connection, LEDGER) == []
    await connection.close()


async def test_a_file_that_changed_after_it_was_applied_is_refused_by_name(
    empty_database: TestDatabase, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(empty_database.owner_dsn)
    await migrate(connection, [written(tmp_path, _0001_first="create table public.one ()")])
    with pytest.raises(MigrationChanged, match="mine/0001_first was applied with other contents"):
        await migrate(connection, [written(tmp_path, _0001_first="create table public.two ()")])
    await connection.close()


async def test_a_database_ahead_of_this_program_is_refused_and_not_called_pending(
    empty_database: TestDatabase, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(empty_database.owner_dsn)
    first = {"_0001_first": "create table public.one ()"}
    await migrate(connection, [written(tmp_path / "new", **first, _0002_second="create table public.two ()")])
    old = [written(tmp_path / "old", **first)]
    with pytest.raises(DatabaseTooNew, match="mine/0002_second"):
        await migrate(connection, old)
    assert await pending(connection, old) == []
    await connection.close()


async def test_a_file_that_fails_leaves_nothing_and_the_ones_before_it_stay(
    empty_database: TestDatabase, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(empty_database.owner_dsn)
    broken = "create table public.two (); select 1 / 0"
    wrong = [written(tmp_path, _0001_first="create table public.one ()", _0002_second=broken)]
    with pytest.raises(MigrationError, match="mine/0002_second failed and nothing of it remains"):
        await migrate(connection, wrong)
    assert await connection.fetchval(
        "select to_regclass('public.one') is not null and to_regclass('public.two') is null"
    )
    mended = [written(tmp_path, _0002_second="create table public.two ()")]
    assert [migration.name for migration in await migrate(connection, mended)] == ["second"]
    await connection.close()


@pytest.mark.parametrize("names", [["_0002_second"], ["_0001_first", "_0003_third"], ["_1_first"], ["_0001_First"]])
def test_files_are_numbered_without_gaps_and_named_alike(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(MigrationError):
        read(written(tmp_path, **dict.fromkeys(names, "select 1")))
