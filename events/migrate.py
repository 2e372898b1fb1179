"""Database migrations: numbered SQL files, each applied once and in order, forward only, whoever starts first."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

from events.progress import Progress, unseen

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

MIGRATION_LOCK = 7311142300
TABLE_WAIT = "10s"

FILE_NAME = re.compile(r"(?P<number>[0-9]{4})_(?P<name>[a-z0-9_]+)\.sql")

JOURNAL = """
    create schema if not exists ledger;
    create table if not exists ledger.migrations (
        set_name   text not null,
        number     int not null,
        name       text not null,
        checksum   text not null,
        applied_at timestamptz not null default clock_timestamp(),
        primary key (set_name, number)
    );
"""


class MigrationError(Exception):
    """The database cannot be brought to this program's schema. The text is a sentence that says what to do."""


class MigrationChanged(MigrationError):
    """A file that was applied has other contents now."""


class DatabaseTooNew(MigrationError):
    """The database holds migrations that this program does not know."""


@dataclass(frozen=True)
class MigrationSet:
    """The migrations of one package: ``files`` is its directory of ``NNNN_name.sql``, numbered from 0001."""

    name: str
    files: Traversable


@dataclass(frozen=True, order=True)
class Migration:
    """One file. ``checksum`` is the SHA-256 of its bytes, in hex."""

    set_name: str
    number: int
    name: str
    checksum: str
    sql: str

    def __str__(self) -> str:
        return f"{self.set_name}/{self.number:04d}_{self.name}"


def read(migrations: MigrationSet) -> list[Migration]:
    """Return a set's migrations in order.

    Raises:
        MigrationError: a file is misnamed, or a number is missing or taken twice.
    """
    found = []
    for file in migrations.files.iterdir():
        if not file.name.endswith(".sql"):
            continue
        match = FILE_NAME.fullmatch(file.name)
        if match is None:
            message = f"{migrations.name}/{file.name} is not a migration's name; call it NNNN_what_it_makes.sql."
            raise MigrationError(message)
        text = file.read_bytes()
        checksum = hashlib.sha256(text).hexdigest()
        found.append(Migration(migrations.name, int(match["number"]), match["name"], checksum, text.decode()))
    found.sort()
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        message = f"The migrations of {migrations.name} are not numbered 0001, 0002, ... without gaps."
        raise MigrationError(message)
    return found


async def migrate(conn: "Connection", sets: Sequence[MigrationSet], progress: Progress = unseen) -> list[Migration]:
    """Apply what is missing, set after set, and return what this call applied.

    Each file is applied in a transaction of its own that holds one lock for the whole database, so that instances may
    start at once: each file is applied by one of them, and all of them return when everything is applied.

    Args:
        conn: a connection of the owner, outside any transaction.
        sets: in the order in which they build on each other.
        progress: told of how many migrations of how many are applied.

    Raises:
        MigrationChanged: an applied file has other contents now.
        DatabaseTooNew: the database holds a migration that is not among the files.
        MigrationError: a file cannot be applied; the ones before it stay applied.
    """
    wanted = [migration for one in sets for migration in read(one)]
    applied: list[Migration] = []
    while True:
        async with conn.transaction():
            await conn.execute("select pg_advisory_xact_lock($1)", MIGRATION_LOCK)
            await conn.execute(JOURNAL)
            missing = _missing(wanted, await _journal(conn), {one.name for one in sets})
            if not missing:
                return applied
            await _apply(conn, missing[0])
            applied.append(missing[0])
        progress(len(applied), len(applied) + len(missing) - 1)


async def pending(conn: "Connection", sets: Sequence[MigrationSet]) -> list[Migration]:
    """Return what ``migrate`` would still apply; needs no more than the runtime role's rights.

    A database that is ahead of this program is not pending: while a new version is rolled out, the old one serves on.
    """
    wanted = [migration for one in sets for migration in read(one)]
    if await conn.fetchval("select to_regclass('ledger.migrations') is null"):
        return wanted
    done = {(row["set_name"], row["number"]) for row in await _journal(conn)}
    return [migration for migration in wanted if (migration.set_name, migration.number) not in done]


async def _journal(conn: "Connection") -> list[Any]:
    return await conn.fetch("select set_name, number, name, checksum from ledger.migrations order by set_name, number")


def _missing(wanted: Iterable[Migration], journal: Iterable[Any], sets: set[str]) -> list[Migration]:
    known = {(migration.set_name, migration.number): migration for migration in wanted}
    done = set()
    for row in journal:
        if row["set_name"] not in sets:
            continue
        key = (row["set_name"], row["number"])
        label = f"{row['set_name']}/{row['number']:04d}_{row['name']}"
        if key not in known:
            raise DatabaseTooNew(
                f"The database has the migration {label}, which this version of Keyledger does not know. "
                "Run the newer version."
            )
        if known[key].checksum != row["checksum"]:
            raise MigrationChanged(
                f"The migration {label} was applied with other contents. Restore the file, "
                "and put the change into a new migration."
            )
        done.add(key)
    return [migration for key, migration in known.items() if key not in done]


async def _apply(conn: "Connection", migration: Migration) -> None:
    # A migration that waits for a table also holds up every statement that queues behind it.
    await conn.execute(f"set local lock_timeout = '{TABLE_WAIT}'")
    try:
        await conn.execute(migration.sql)
    except Exception as error:
        hint = getattr(error, "hint", None)
        message = f"The migration {migration} failed and nothing of it remains: {error}"
        raise MigrationError(f"{message} {hint}" if hint else message) from error
    await conn.execute(
        "insert into ledger.migrations (set_name, number, name, checksum) values ($1, $2, $3, $4)",
        migration.set_name,
        migration.number,
        migration.name,
        migration.checksum,
    )
