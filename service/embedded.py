"""The embedded PostgreSQL: a real server under the data directory, so that one command runs everything.

It listens on a Unix socket in a directory that only its own user (and root) can enter; there is no network address and
no password. The data stay when it stops.
"""

import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from service.postgres_process import (
    POLL_S,
    PORT,
    SOCKET_PATH_BYTES,
    STOP_TIMEOUT_S,
    PostgresError,
    PostgresServer,
    ServerUser,
    answers,
    initialise,
    reachable_binaries,
    server_user,
    wheel_binaries,
)

DATABASE = "keyledger"
OWNER = "keyledger_owner"
RUNTIME_GROUP = "keyledger_runtime"
RUNTIME = "keyledger_app"

ROLES = (
    f"CREATE ROLE {OWNER} LOGIN CREATEROLE",
    f"CREATE ROLE {RUNTIME_GROUP} NOLOGIN",
    f"CREATE ROLE {RUNTIME} LOGIN IN ROLE {RUNTIME_GROUP}",
    f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
    f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
    f"GRANT CONNECT ON DATABASE {DATABASE} TO {RUNTIME_GROUP}",
)
"""What a new cluster holds: the database, its owner for migrations, and the runtime role that owns nothing."""

# The character order is PostgreSQL's own and no C library's: it is the same wherever the data directory is taken.
LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")

SERVER_SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # Statements and their parameters may bear personal data and sealed secrets; the log names neither.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}

LOG_BYTES = 8 * 1024 * 1024
WAIT_FOR_OTHER_S = 60.0


@dataclass(frozen=True)
class EmbeddedDatabase:
    """How to connect. ``owner_url`` is for migrations, ``runtime_url`` for everything else; neither bears a secret."""

    owner_url: str
    runtime_url: str


def socket_url(sockets: Path, role: str, database: str = DATABASE) -> str:
    """Return the URL under which ``role`` reaches ``database`` through the socket in this directory."""
    return f"postgresql://{role}@/{database}?host={quote(str(sockets), safe='/')}&port={PORT}"


class EmbeddedPostgres:
    """The server of one data directory.

    A second process that starts on the same directory uses the first's server; stopping it then leaves the server
    running. Both methods block for as long as the server takes; call them outside the event loop's thread.
    """

    def __init__(self, data_dir: Path) -> None:
        self._home = data_dir.absolute()
        self._cluster = self._home / "postgres"
        self._log = self._home / "postgres.log"
        self._user: ServerUser | None = None
        self._lock: int | None = None
        self._server: PostgresServer | None = None
        self._adopted: int | None = None
        self._made_sockets: Path | None = None

    def start(self) -> EmbeddedDatabase:
        """Start the server, or find the running one, and return how to connect.

        Raises:
            PostgresError: with a sentence that says what to do.
        """
        self._user = user = server_user()
        self._prepare_home(user)
        try:
            sockets = self._start_or_find(user)
        except BaseException:
            self.stop()
            raise
        return EmbeddedDatabase(socket_url(sockets, OWNER), socket_url(sockets, RUNTIME))

    def stop(self) -> None:
        """Stop the server if this process started it. Safe to call twice."""
        if self._server is not None:
            self._server.stop()
        if self._adopted is not None:
            os.kill(self._adopted, signal.SIGINT)
            self._wait_for_end(STOP_TIMEOUT_S)
        if self._made_sockets is not None:
            shutil.rmtree(self._made_sockets, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
        self._server = self._adopted = self._made_sockets = self._lock = None

    def _prepare_home(self, user: ServerUser) -> None:
        try:
            if not self._home.exists():
                self._home.parent.mkdir(parents=True, exist_ok=True)
                self._home.mkdir(mode=0o700)
                if user.is_other:
                    self._home.chmod(0o711)  # made just now: the server's user passes through to its own directory
            self._lock = os.open(self._home / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            message = f"{self._home} cannot be used ({error.strerror}). Set KEYLEDGER_DATA_DIR to a directory of yours."
            raise PostgresError(message) from error

    def _start_or_find(self, user: ServerUser) -> Path:
        if not self._locked():
            return self._await_other()
        running = self._running()
        # Ours is the lock, so the starter of a running server is gone. On Linux it is ending; elsewhere it goes on.
        if running is not None and not self._wait_for_end(STOP_TIMEOUT_S if sys.platform == "linux" else 0.0):
            self._adopted, sockets = running
            return sockets
        return self._launch(user)

    def _locked(self) -> bool:
        assert self._lock is not None  # noqa: S101 - set by _prepare_home
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _await_other(self) -> Path:
        deadline = time.monotonic() + WAIT_FOR_OTHER_S
        while time.monotonic() < deadline:
            running = self._running()
            if running is not None and answers(self._cluster, running[1]):
                return running[1]
            time.sleep(POLL_S)
        message = (
            f"Another process holds {self._home}, and its database does not answer. End it, or choose another one."
        )
        raise PostgresError(message)

    def _running(self) -> tuple[int, Path] | None:
        """Return the process id and socket directory of the server that runs on the cluster, if one does."""
        named = self._named_by_lock_file()
        return named if named is not None and _is_postgres(named[0]) else None

    def _named_by_lock_file(self) -> tuple[int, Path] | None:
        """Return the living process that the cluster's lock file names, whatever program it runs, and its sockets."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            process, sockets = int(lines[0]), Path(lines[4])
            os.kill(process, 0)
        except (OSError, ValueError, IndexError):
            return None
        return process, sockets

    def _wait_for_end(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._running() is not None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_S)
        return True

    def _launch(self, user: ServerUser) -> Path:
        self._check_reach(user)
        binaries = reachable_binaries(wheel_binaries(), user, self._home)
        if not self._cluster.exists():
            initialise(binaries, user, self._cluster, ROLES, *LOCALE)
        if self._named_by_lock_file() is not None:
            # No server runs, so the machine went down and the process id is another program's by now. PostgreSQL would
            # take that for a server. A file that names no process is left to it: it then looks for orphaned backends.
            (self._cluster / "postmaster.pid").unlink()
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        sockets = self._socket_directory(user)
        self._server = PostgresServer(self._cluster, sockets, self._log)
        self._server.start(binaries, user, SERVER_SETTINGS)
        return sockets

    def _socket_directory(self, user: ServerUser) -> Path:
        own = self._home / "run"
        if not fits(own):
            self._made_sockets = make_socket_directory(user)
            return self._made_sockets
        own.mkdir(mode=0o700, exist_ok=True)
        user.own(own)
        return own

    def _check_reach(self, user: ServerUser) -> None:
        if user.is_other and not user.passes(self._home):
            message = (
                f"PostgreSQL does not run as root; its user {user.name} cannot enter {self._home}. "
                "Set KEYLEDGER_DATA_DIR to a directory which that user can enter, such as /var/lib/keyledger."
            )
            raise PostgresError(message)


def fits(sockets: Path) -> bool:
    """Tell whether the path of a socket in this directory is short enough for the kernel."""
    return len(os.fsencode(sockets / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES


def make_socket_directory(user: ServerUser) -> Path:
    """Make a directory for the socket that only ``user`` can enter, with a path short enough for the kernel."""
    last = PostgresError("No directory with a path short enough for a Unix socket can be made; set TMPDIR to /tmp.")
    for place in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - mkdtemp makes a private directory there
        if not user.passes(Path(place)):
            continue
        sockets = Path(tempfile.mkdtemp(prefix="keyledger-", dir=place))
        if fits(sockets):
            user.own(sockets)
            return sockets
        sockets.rmdir()
    raise last


def _is_postgres(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8").strip() == "postgres"
    except FileNotFoundError:
        return not Path("/proc/self").exists()
