"""PostgreSQL for tests: a cluster of its own per test process, and a migrated database of its own per test."""

import asyncio
import contextlib
import importlib
import importlib.util
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import asyncpg
import pytest
from support.programs import needs_program

from service.embedded import LOCALE, OWNER, ROLES, RUNTIME, make_socket_directory, socket_url
from service.postgres_process import PostgresServer, initialise, reachable_binaries, server_user, wheel_binaries

T = TypeVar("T")

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

EMBEDDED = "embedded-18"
DEBIAN = "debian-15"
DEBIAN_BINARIES = Path("/usr/lib/postgresql/15/bin")
TEMPLATE = "migrated"
DATABASES_OF_A_FORK = 10_000

on_both_servers = pytest.mark.parametrize("postgres", [EMBEDDED, DEBIAN], indirect=True)
"""Runs a test on the embedded server and on the oldest supported one."""

MEMORY = Path("/dev/shm")  # noqa: S108 - a directory with a random name is made in it
MEMORY_NEEDED = 2 * 1024**3

QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SETTINGS = {"max_connections": "200", "shared_buffers": "64MB", "jit": "off", "timezone": "UTC", "autovacuum": "off"}


@dataclass(frozen=True)
class TestDatabase:
    """A migrated database that belongs to one test. ``log`` is the server's log, shared by the whole cluster."""

    __test__ = False

    name: str
    owner_dsn: str
    runtime_dsn: str
    superuser_dsn: str
    log: Path


class Cluster:
    """A PostgreSQL server with the roles of an installation, and a template from which databases are copied."""

    def __init__(self, kind: str = EMBEDDED, *, durable: bool = False) -> None:
        self.kind, self.durable = kind, durable
        self._user = server_user()
        self._home = Path(tempfile.mkdtemp(prefix="keyledger-test-", dir=None if durable else _in_memory()))
        self._home.chmod(0o711)
        self._sockets = make_socket_directory(self._user)
        self.log = self._home / "postgres.log"
        self._numbers = itertools.count(1)
        self._admin = _Loop()
        self._connection: Connection | None = None
        self._server: PostgresServer | None = None
        if kind == DEBIAN:
            self._binaries = DEBIAN_BINARIES
        else:
            self._binaries = reachable_binaries(wheel_binaries(), self._user, self._home)
        locale = ("--locale=C",) if kind == DEBIAN else LOCALE
        try:
            initialise(self._binaries, self._user, self._home / "data", ROLES, *locale)
            self.start()
            self._make_template()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start the server; also after ``stop`` or ``crash``, with the data that were there."""
        self._server = PostgresServer(self._home / "data", self._sockets, self.log)
        self._server.start(self._binaries, self._user, SETTINGS if self.durable else {**SETTINGS, **QUICK})

    def stop(self) -> None:
        """Stop the server in good order; the data stay."""
        self._disconnect()
        if self._server is not None:
            self._server.stop()

    def crash(self) -> None:
        """End the server at once, as a failing machine would (without losing what was given to the kernel)."""
        self._disconnect()
        if self._server is not None:
            self._server.quit()

    def close(self) -> None:
        """Stop the server and delete everything."""
        self.stop()
        self._admin.close()
        shutil.rmtree(self._sockets, ignore_errors=True)
        shutil.rmtree(self._home, ignore_errors=True)

    def after_fork(self) -> None:
        """Make it usable in a forked process, where its thread and its connection are not; the parent closes it."""
        self._admin, self._connection = _Loop(), None
        self._numbers = itertools.count(os.getpid() * DATABASES_OF_A_FORK)

    def dsn(self, role: str, database: str) -> str:
        """Return the address at which ``role`` reaches ``database``."""
        return socket_url(self._sockets, role, database)

    def create_database(self, *, migrated: bool = True) -> TestDatabase:
        """Make a database that is a copy of the migrated template, or an empty one, owned by the owner role."""
        name, template = f"test_{next(self._numbers)}", TEMPLATE if migrated else "template0"
        # Copied as files, which brings the template's prepared catalogue along; else the first connection prepares it.
        self.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template} STRATEGY file_copy")
        return TestDatabase(name, self.dsn(OWNER, name), self.dsn(RUNTIME, name), self.dsn("postgres", name), self.log)

    def drop_database(self, database: TestDatabase) -> None:
        """Delete a database and disconnect whoever still uses it."""
        self.execute(f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, outside any test's event loop."""
        self._admin.run(self._execute(statement))

    async def _execute(self, statement: str) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.dsn("postgres", "postgres"))
        await self._connection.execute(statement)

    def _disconnect(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            # A forked process that shared its socket may have ended it.
            with contextlib.suppress(OSError):
                self._admin.run(self._connection.close(timeout=5))
        self._connection = None

    def _make_template(self) -> None:
        self.execute(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER}")
        self._admin.run(migrate_all(self.dsn(OWNER, TEMPLATE)))


def _in_memory() -> Path | None:
    """Return a directory in memory with room for a cluster: each test makes and deletes hundreds of files."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED
    return MEMORY if roomy and os.access(MEMORY, os.W_OK | os.X_OK) else None


async def migrate_all(owner_dsn: str) -> None:
    """Run the migrations of all three packages, as ``keyledger migrate`` does."""
    if importlib.util.find_spec("events.migrate") is None:
        return
    migration = importlib.import_module("events.migrate")
    places = [(package, files(package) / "migrations") for package in ("events", "projections", "service")]
    sets = [migration.MigrationSet(package, place) for package, place in places if place.is_dir()]
    connection = await asyncpg.connect(owner_dsn)
    try:
        await migration.migrate(connection, sets)
    finally:
        await connection.close()


class Clusters:
    """The clusters of one test process, each started when the first test asks for it."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, bool], Cluster] = {}

    def get(self, kind: str, *, durable: bool = False) -> Cluster:
        """Return the shared cluster of this kind. Where its server is not installed the test is skipped, or fails."""
        if kind == DEBIAN:
            needs_program(str(DEBIAN_BINARIES / "postgres"), "postgresql-15")
        if (kind, durable) not in self._running:
            self._running[kind, durable] = Cluster(kind, durable=durable)
        return self._running[kind, durable]

    def close(self) -> None:
        """Stop all of them."""
        for cluster in self._running.values():
            cluster.close()


class _Loop:
    """An event loop in a thread, so that sync and async tests alike can have statements run."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-database", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end and return the result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=120)

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def uses_database(fixtures: Sequence[str]) -> bool:
    """Tell from the names of a test's fixtures whether it needs PostgreSQL."""
    return not {"clusters", "postgres", "database"}.isdisjoint(fixtures)
