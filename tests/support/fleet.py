"""Service processes as operators run them: several on one database, killed, stopped and started again."""

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from support.command_line import CommandLine
from support.service import ROOT, free_port

WITHIN_S: Final = 60.0
LOOK_EVERY_S: Final = 0.02

Json = dict[str, Any]


@dataclass(frozen=True)
class Instance:
    """One ``keyledger serve``, which may have workers below it. ``log`` takes all that it writes."""

    url: str
    environment: dict[str, str]
    log: Path
    process: "subprocess.Popen[bytes]"

    async def ready(self) -> None:
        """Wait until it takes requests."""
        await self.answers("/readyz", 200)

    async def answers(self, path: str, status: int, within_s: float = WITHIN_S) -> None:
        """Wait until it answers with this status."""
        async with aiohttp.ClientSession() as http:
            deadline = time.monotonic() + within_s
            while True:
                assert self.process.poll() is None, f"the service ended:\n{self.told()[-4000:]}"
                with suppress(aiohttp.ClientError):
                    async with http.get(f"{self.url}{path}") as answer:
                        if answer.status == status:
                            return
                assert time.monotonic() < deadline, f"{path} does not answer {status}:\n{self.told()[-4000:]}"
                await asyncio.sleep(LOOK_EVERY_S)

    def told(self) -> str:
        """Return what it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def workers(self) -> set[int]:
        """Return the process ids of its workers."""
        return {pid for pid in descendants(self.process.pid) if b"service.worker" in command_line(pid)}

    async def has_workers(self, number: int) -> set[int]:
        """Wait until it has so many workers. Returns their process ids."""
        deadline = time.monotonic() + WITHIN_S
        while len(found := self.workers()) != number:
            assert time.monotonic() < deadline, f"there are {len(found)} workers:\n{self.told()[-4000:]}"
            await asyncio.sleep(LOOK_EVERY_S)
        return found

    async def is_listening(self, pid: int) -> None:
        """Wait until the worker of this process id has said that it listens."""
        deadline = time.monotonic() + WITHIN_S
        while f'"pid":{pid},' not in (told := self.told()) and f'"pid":{pid}}}' not in told:
            assert time.monotonic() < deadline, told[-4000:]
            await asyncio.sleep(LOOK_EVERY_S)

    async def says(self, words: str) -> None:
        """Wait until it has written these words."""
        deadline = time.monotonic() + WITHIN_S
        while words not in (told := self.told()):
            assert time.monotonic() < deadline, told[-4000:]
            await asyncio.sleep(LOOK_EVERY_S)

    async def ended(self) -> int:
        """Wait until it has ended. Returns its exit code."""
        return await asyncio.to_thread(self.process.wait, WITHIN_S)


@dataclass
class Fleet:
    """All instances of a test, on one environment; ended when the context of :func:`fleet` is left."""

    directory: Path
    environment: dict[str, str]
    instances: list[Instance] = field(default_factory=list)

    def start(self, *, port: int | None = None, **settings: str) -> Instance:
        """Start an instance without waiting for it; ``settings`` are more of its environment, without the prefix."""
        port = port or free_port()
        given = {f"KEYLEDGER_{name}": value for name, value in settings.items()}
        environment = {**self.environment, "KEYLEDGER_PORT": str(port), **given}
        log = self.directory / f"service-{len(self.instances)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "service", "serve"], cwd=ROOT, env=environment, stdout=output, stderr=output
            )
        self.instances.append(Instance(f"http://127.0.0.1:{port}", environment, log, process))
        return self.instances[-1]

    async def run(self, *arguments: str, stdin: str = "", **environment: str) -> tuple[int, str, str]:
        """Run a command of ``keyledger`` on the fleet's database. Returns its exit code and what it printed."""
        ended = await CommandLine(self.environment)(*arguments, stdin=stdin, **environment)
        return ended.code, ended.out, ended.err

    async def token(self, role: str = "operator") -> str:
        """Return a new token of the management API."""
        code, out, err = await self.run("token", "create", f"tests-{role}", "--role", role)
        assert code == 0, err
        return out.strip()

    def close(self) -> None:
        """End what still runs."""
        for instance in self.instances:
            instance.process.terminate()
        for instance in self.instances:
            with suppress(subprocess.TimeoutExpired):
                instance.process.wait(WITHIN_S)
            instance.process.kill()
            instance.process.wait()


@contextmanager
def fleet(**settings: str) -> Iterator[Fleet]:
    """Make a fleet on a data directory of its own, which the database's user can enter."""
    directory = Path(tempfile.mkdtemp(prefix="keyledger-fleet-"))
    directory.chmod(0o711)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KEYLEDGER_")}
    given = {"DATA_DIR": str(directory / "data"), "RATE_PER_MINUTE": "1000000", **settings}
    made = Fleet(directory, {**clean, **{f"KEYLEDGER_{name}": value for name, value in given.items()}})
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(directory)


def descendants(pid: int) -> set[int]:
    """Return all processes below this one."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    queue = [pid]
    while queue:
        below = children.get(queue.pop(), [])
        found.update(below)
        queue += below
    return found


def command_line(pid: int) -> bytes:
    """Return the command line of a process, empty when there is none of this id."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


async def end_of(*pids: int) -> None:
    """Wait until these processes have ended."""
    await asyncio.gather(*(asyncio.to_thread(_await_end, pid) for pid in pids))


def _await_end(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([handle], [], [], WITHIN_S)
    finally:
        os.close(handle)
    assert ended, f"process {pid} is still there: {command_line(pid)!r}"


def kill(pid: int) -> None:
    """End a process as the kernel does when memory runs out."""
    os.kill(pid, signal.SIGKILL)
