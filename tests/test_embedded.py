"""The embedded PostgreSQL: one command runs it all, nothing is lost, and nothing is left behind."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from service import embedded
from service.embedded import EmbeddedDatabase, EmbeddedPostgres
from service.postgres_process import PostgresError, server_user, wheel_binaries

DEADLINE_S = 30.0

STARTER = """
import sys, signal
from pathlib import Path
from service.embedded import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1])).start().owner_url, flush=True)
signal.pause()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A directory that the server's user can enter; pytest's own are closed to it."""
    home = Path(tempfile.mkdtemp(prefix="keyledger-data-"))
    home.chmod(0o711)
    yield home / "data"
    shutil.rmtree(home)


@pytest.fixture
def postgres(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """The embedded PostgreSQL of the directory, stopped in the end."""
    made = EmbeddedPostgres(data_dir)
    yield made
    made.stop()


@pytest.fixture
def other_process(data_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has started the embedded PostgreSQL; its first line of output is the owner's URL."""
    with subprocess.Popen([sys.executable, "-c", STARTER, str(data_dir)], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()
    server = server_of(data_dir)
    if server is not None:
        await_end(server)


def server_of(data_dir: Path) -> int | None:
    """Return the process id of the server that runs on the directory, as it says itself."""
    lock = data_dir / "postgres" / "postmaster.pid"
    return int(lock.read_text().split("\n", 1)[0]) if lock.exists() else None


def await_end(process: int) -> None:
    """Wait until a process that is no child of this one has ended."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([handle], [], [], DEADLINE_S)
    finally:
        os.close(handle)
    assert ended, f"process {process} is still there"


async def value(url: str, statement: str) -> object:
    """Run one statement over a connection of its own and return its first value."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_it_starts_with_a_database_an_owner_and_a_runtime_role(postgres: EmbeddedPostgres) -> None:
    database = postgres.start()
    assert await value(database.owner_url, "SELECT current_user || '@' || current_database()") == (
        "keyledger_owner@keyledger"
    )
    await value(database.owner_url, "CREATE SCHEMA ledger")
    assert await value(database.runtime_url, "SELECT pg_has_role('keyledger_runtime', 'member')") is True
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await value(database.runtime_url, "CREATE SCHEMA mine")


async def test_it_writes_through_to_disk_and_listens_on_no_network_address(postgres: EmbeddedPostgres) -> None:
    database = postgres.start()
    assert await value(database.owner_url, "SHOW listen_addresses") == ""
    assert await value(database.owner_url, "SHOW fsync") == "on"


async def test_only_its_own_user_can_enter_the_socket_directory(postgres: EmbeddedPostgres) -> None:
    database = postgres.start()
    sockets = Path(database.owner_url.split("host=")[1].split("&")[0])
    assert (sockets.stat().st_uid, sockets.stat().st_mode & 0o777) == (server_user().uid, 0o700)


async def test_a_restart_keeps_the_data(postgres: EmbeddedPostgres) -> None:
    await value(postgres.start().owner_url, "CREATE TABLE kept AS SELECT 'Ada' AS name")
    postgres.stop()
    assert await value(postgres.start().owner_url, "SELECT name FROM kept") == "Ada"


async def test_what_was_committed_survives_the_server_being_killed(postgres: EmbeddedPostgres, data_dir: Path) -> None:
    await value(postgres.start().owner_url, "CREATE TABLE kept AS SELECT 'Ada' AS name")
    server = server_of(data_dir)
    assert server is not None
    os.kill(server, signal.SIGKILL)
    postgres.stop()
    assert await value(postgres.start().owner_url, "SELECT name FROM kept") == "Ada"


@on_linux
async def test_killing_the_process_that_started_it_ends_the_server(
    other_process: "subprocess.Popen[str]", data_dir: Path
) -> None:
    assert other_process.stdout is not None
    url = other_process.stdout.readline().strip()
    assert await value(url, "SELECT 1") == 1
    server = server_of(data_dir)
    assert server is not None
    other_process.send_signal(signal.SIGKILL)
    other_process.wait(DEADLINE_S)
    await_end(server)
    assert server_of(data_dir) is None


@on_linux
async def test_a_start_right_after_such_a_death_waits_for_the_old_server_to_end(
    other_process: "subprocess.Popen[str]", postgres: EmbeddedPostgres
) -> None:
    assert other_process.stdout is not None
    await value(other_process.stdout.readline().strip(), "CREATE TABLE kept AS SELECT 'Ada' AS name")
    other_process.send_signal(signal.SIGKILL)
    other_process.wait(DEADLINE_S)
    assert await value(postgres.start().owner_url, "SELECT name FROM kept") == "Ada"


async def test_a_second_process_uses_the_first_ones_server_and_leaves_it_running(
    other_process: "subprocess.Popen[str]", postgres: EmbeddedPostgres
) -> None:
    assert other_process.stdout is not None
    url = other_process.stdout.readline().strip()
    database = postgres.start()
    assert database.owner_url == url
    postgres.stop()
    assert await value(database.owner_url, "SELECT 1") == 1


async def test_a_leftover_lock_file_of_another_program_does_not_stop_the_start(
    postgres: EmbeddedPostgres, data_dir: Path
) -> None:
    postgres.start()
    lock = (data_dir / "postgres" / "postmaster.pid").read_text().split("\n")
    postgres.stop()
    (data_dir / "postgres" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lock[1:]]))
    assert await value(postgres.start().owner_url, "SELECT 1") == 1


async def test_its_log_names_no_statement_and_no_parameter(postgres: EmbeddedPostgres, data_dir: Path) -> None:
    database = postgres.start()
    connection = await asyncpg.connect(database.owner_url)
    with pytest.raises(asyncpg.DataError):
        await connection.fetchval("SELECT 1 / ($1::text = 'sealed-words')::int - 1 / 0", "sealed-words")
    await connection.close()
    log = (data_dir / "postgres.log").read_text()
    assert "division by zero" in log
    assert "sealed-words" not in log


async def test_a_data_directory_with_a_long_path_works_too(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir / ("long" * 30))
    try:
        assert await value(postgres.start().owner_url, "SELECT 1") == 1
    finally:
        postgres.stop()


@as_root
def test_a_directory_that_the_servers_user_cannot_enter_is_refused_with_advice_and_left_as_it_is(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(PostgresError, match=r"cannot enter .*/closed/data\. Set KEYLEDGER_DATA_DIR"):
        EmbeddedPostgres(closed / "data").start()
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
async def test_programs_that_the_servers_user_cannot_reach_are_copied_once(
    postgres: EmbeddedPostgres, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = wheel_binaries().parents[1]
    for name in (package.name, f"{package.name}.libs"):
        (tmp_path / name).symlink_to(package.with_name(name))
    monkeypatch.setattr(embedded, "wheel_binaries", lambda: tmp_path / package.name / "pginstall" / "bin")
    for _ in range(2):
        database: EmbeddedDatabase = postgres.start()
        assert await value(database.owner_url, "SELECT 1") == 1
        postgres.stop()
    assert [path.name for path in data_dir.glob("postgresql-*")] == ["postgresql-18.6.3"]


def test_a_directory_that_cannot_be_made_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PostgresError, match="Set KEYLEDGER_DATA_DIR to a directory of yours"):
        EmbeddedPostgres(tmp_path / "file" / "data").start()
