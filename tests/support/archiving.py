"""A PostgreSQL server that archives its write-ahead log, and is taken back to a moment at the same address."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncpg
from support.database import MEMORY, SETTINGS

from service.embedded import LOCALE, OWNER, ROLES, RUNTIME, make_socket_directory, socket_url
from service.postgres_process import (
    PORT,
    START_TIMEOUT_S,
    PostgresServer,
    initialise,
    reachable_binaries,
    server_user,
    wheel_binaries,
)

DATA: Final = "data"
BASE: Final = "base"
ARCHIVE: Final = "archive"


class ArchivingServer:
    """The server. Every command that an operator runs on it is one that service/BACKUP.md shows."""

    def __init__(self) -> None:
        self._user = server_user()
        self._home = Path(tempfile.mkdtemp(prefix="keyledger-archiving-", dir=MEMORY if MEMORY.is_dir() else None))
        self._home.chmod(0o711)
        self._user.own(self._home)
        self._sockets = make_socket_directory(self._user)
        self._binaries = reachable_binaries(wheel_binaries(), self._user, self._home)
        for name in (ARCHIVE, BASE):
            (self._home / name).mkdir(mode=0o700)
            self._user.own(self._home / name)
        initialise(self._binaries, self._user, self._home / DATA, ROLES, *LOCALE)
        self._server = self._start()

    def _start(self) -> PostgresServer:
        archived = {
            "fsync": "off",
            "wal_level": "replica",
            "archive_mode": "on",
            "archive_command": f"test ! -f {self._home}/{ARCHIVE}/%f && cp %p {self._home}/{ARCHIVE}/%f",
        }
        server = PostgresServer(self._home / DATA, self._sockets, self._home / "postgres.log")
        server.start(self._binaries, self._user, {**SETTINGS, **archived})
        return server

    @property
    def owner_url(self) -> str:
        """Where the owner role reaches the database."""
        return socket_url(self._sockets, OWNER)

    @property
    def runtime_url(self) -> str:
        """Where the service reaches the database."""
        return socket_url(self._sockets, RUNTIME)

    async def value(self, statement: str) -> object:
        """Ask the database, as its superuser."""
        connection = await asyncpg.connect(socket_url(self._sockets, "postgres"))
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    def base_backup(self) -> None:
        """Copy the data directory while the server works."""
        where = ["--host", str(self._sockets), "--port", str(PORT), "--username=postgres"]
        self._run(str(self._binaries / "pg_basebackup"), *where, f"--pgdata={self._home / BASE}", "--checkpoint=fast")

    def take_back(self, target: str) -> None:
        """Put the base backup in the place of the data, and the archived log up to the target; go on from there.

        Args:
            target: a setting such as ``recovery_target_time = '...'``.
        """
        self._server.stop()
        shutil.rmtree(self._home / DATA)
        self._run("cp", "-a", str(self._home / BASE), str(self._home / DATA))
        settings = (
            f"restore_command = 'cp {self._home}/{ARCHIVE}/%f %p'",
            target,
            "recovery_target_action = 'promote'",
        )
        with (self._home / DATA / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in settings)
        self._run("touch", str(self._home / DATA / "recovery.signal"))
        self._server = self._start()

    async def promoted(self) -> None:
        """Wait until the server takes writes again."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while await self.value("select pg_is_in_recovery()"):  # noqa: ASYNC110 - it happens in the server
                await asyncio.sleep(0.02)

    def close(self) -> None:
        """Stop the server and delete everything."""
        self._server.stop()
        shutil.rmtree(self._sockets, ignore_errors=True)
        shutil.rmtree(self._home, ignore_errors=True)

    def _run(self, *command: str) -> None:
        done = self._user.run(command)
        assert done.returncode == 0, done.stderr


@contextmanager
def archiving_server() -> Iterator[ArchivingServer]:
    """Run such a server for as long as the context lasts."""
    server = ArchivingServer()
    try:
        yield server
    finally:
        server.close()
