"""``keyledger serve``: prepares the database, then runs one worker here or supervises several.

Workers share the port by ``SO_REUSEPORT``. One that dies is started again; the others go on meanwhile.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import structlog
import uvloop
from aiohttp import web
from pydantic import SecretStr

from events.migrate import MigrationError
from service.app import build_app
from service.database import migrate_database, open_database
from service.development import with_development_keys
from service.keys import READINESS
from service.lifeline import end_with_parent
from service.logs import configure_logging
from service.postgres_process import PostgresError
from service.settings import PREFIX, Settings, SettingsError, load_settings
from service.web.front.unreadable import QuietRunner

log = structlog.get_logger("serve")

DRAIN_S = 15.0
NO_WAY_IN = (
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    # An address with a wrong port, directory of sockets or parameter, and a role that may not migrate.
    OverflowError,
    FileNotFoundError,
    asyncpg.ClientConfigurationError,
    asyncpg.UndefinedObjectError,
    asyncpg.InsufficientPrivilegeError,
)
WORKER_GRACE_S = DRAIN_S + 5.0
RESTART_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
SETTLED_S = 60.0
"""A worker that ran for so long starts the pauses afresh."""
METRICS_PREFIX = "keyledger-metrics-"


def main() -> int:
    """Run the service until SIGTERM or SIGINT. Returns the process's exit code."""
    try:
        settings = with_development_keys(load_settings())
        configure_logging(settings)
        return uvloop.run(_serve(settings))
    except NO_WAY_IN as error:
        sys.stderr.write(
            f"The database cannot be used ({type(error).__name__}). Check KEYLEDGER_DATABASE_URL, "
            "and that the server runs.\n"
        )
    except SettingsError as error:
        sys.stderr.write("".join(f"{problem}\n" for problem in error.problems))
    except (PostgresError, MigrationError) as error:
        sys.stderr.write(f"{error}\n")
    return 1


def worker_main() -> int:
    """Run one worker of several; the supervisor has prepared everything, and passes its process id as an argument."""
    end_with_parent(signal.SIGTERM, int(sys.argv[1]))
    settings = load_settings()
    configure_logging(settings)
    try:
        uvloop.run(_run_worker(settings, shared_port=True))
    except NO_WAY_IN as error:
        log.error("database_unusable", problem=type(error).__name__)  # noqa: TRY400 - what failed is said; where, helps nobody
        return 1
    return 0


async def _serve(settings: Settings) -> int:
    _refuse_taken_port(settings)
    async with open_database(settings) as ready:
        if ready.migrates:
            await migrate_database(ready)
        if ready.workers == 1:
            await _run_worker(ready, shared_port=False)
        else:
            await _supervise(ready)
    return 0


def _refuse_taken_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            message = (
                f"{settings.host}:{settings.port} cannot be used ({os.strerror(error.errno or 0)}). "
                "End what listens there, or set KEYLEDGER_PORT to a free port."
            )
            raise SettingsError([message]) from None


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _run_worker(settings: Settings, *, shared_port: bool) -> None:
    stop = _stop_event()
    async with running(settings, shared_port=shared_port) as app:
        log.info("listening", url=settings.public_url, address=f"{settings.host}:{settings.port}", pid=os.getpid())
        await stop.wait()
        log.info("draining", pid=os.getpid())
        app[READINESS].draining = True
        # A load balancer has to have asked before the port closes, or it sends requests to where nobody listens.
        await asyncio.sleep(settings.unready_seconds)


@asynccontextmanager
async def running(settings: Settings, *, shared_port: bool) -> AsyncIterator[web.Application]:
    """Serve for as long as the context lasts; then turn unready, let requests finish, and close."""
    app = build_app(settings)
    runner = QuietRunner(app, access_log=None, handle_signals=False, shutdown_timeout=DRAIN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, reuse_port=shared_port or None)
        await site.start()
        yield app
    finally:
        app[READINESS].draining = True
        await runner.cleanup()


@dataclass
class Supervisor:
    """Keeps a number of worker processes alive."""

    environment: dict[str, str]
    grace_s: float
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    processes: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)

    async def keep(self, number: int) -> None:
        """Run worker ``number``, again whenever it ends, until the supervisor stops."""
        pause, clock = RESTART_PAUSE_S, asyncio.get_running_loop().time
        while not self.stopping.is_set():
            started = clock()
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "service.worker", str(os.getpid()), env=self.environment, start_new_session=True
            )
            self.processes[number] = process
            if self.stopping.is_set():  # set while it was being started, so that nobody else has told it
                process.terminate()
            code = await process.wait()
            if self.stopping.is_set():
                return
            if clock() - started >= SETTLED_S:
                pause = RESTART_PAUSE_S
            log.error("worker_ended", worker=number, pid=process.pid, code=code, again_in_s=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def stop(self) -> None:
        """Ask all workers to finish, and end those that do not within the grace time."""
        self.stopping.set()
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                process.terminate()
        waits = [asyncio.ensure_future(process.wait()) for process in self.processes.values()]
        _, late = await asyncio.wait(waits, timeout=self.grace_s)
        if late:
            for process in self.processes.values():
                with suppress(ProcessLookupError):
                    process.kill()
            await asyncio.wait(late)


async def _supervise(settings: Settings) -> None:
    stop = _stop_event()
    _remove_left_behind()
    metrics_dir = tempfile.mkdtemp(prefix=f"{METRICS_PREFIX}{os.getpid()}-")
    supervisor = Supervisor(_worker_environment(settings, metrics_dir), WORKER_GRACE_S + settings.unready_seconds)
    keepers = [asyncio.create_task(supervisor.keep(number)) for number in range(settings.workers)]
    try:
        await stop.wait()
    finally:
        await supervisor.stop()
        await asyncio.gather(*keepers, return_exceptions=True)
        shutil.rmtree(metrics_dir, ignore_errors=True)


def _remove_left_behind() -> None:
    """Remove the numbers of supervisors that were killed, and could not do it themselves."""
    for directory in Path(tempfile.gettempdir()).glob(f"{METRICS_PREFIX}*"):
        pid = directory.name.removeprefix(METRICS_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            shutil.rmtree(directory, ignore_errors=True)


def _worker_environment(settings: Settings, metrics_dir: str) -> dict[str, str]:
    secret: dict[str, SecretStr | None] = {
        "DATABASE_URL": settings.database_url,
        "OWNER_DATABASE_URL": settings.owner_database_url,
        "SECRET_KEYS": SecretStr(",".join(key.get_secret_value() for key in settings.secret_keys)),
    }
    passed = {f"{PREFIX}{name}": value.get_secret_value() for name, value in secret.items() if value is not None}
    return {**os.environ, **passed, "PROMETHEUS_MULTIPROC_DIR": metrics_dir}
