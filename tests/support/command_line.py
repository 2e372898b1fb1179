"""The ``keyledger`` command, run as a process of its own."""

import asyncio
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from support.command_server import CommandServer

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """How one run of the command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What was printed, as JSON."""
        return json.loads(self.out)


@dataclass
class CommandLine:
    """Runs ``keyledger`` as a process of its own, with nothing of our environment but the way to Python."""

    environment: dict[str, str]

    async def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> Run:
        """Run the command to its end."""
        with ExitStack() as files:
            given, out, err = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            given.write(stdin.encode())
            given.seek(0)
            code = await self.run(arguments, [given.fileno(), out.fileno(), err.fileno()], **environment)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        return Run(code, *texts)

    async def run(self, arguments: Sequence[str], descriptors: list[int], **environment: str) -> int:
        """Run the command with these descriptors as 0 to 2, -1 for one that is closed; return its exit code."""
        given = {**self.environment, **environment}
        running = asyncio.to_thread(command_server().run, list(arguments), given, descriptors)
        return await asyncio.wait_for(running, timeout=60)

    async def done(self, *arguments: str, stdin: str = "", **environment: str) -> Run:
        """Run a command that has to end with 0."""
        run = await self(*arguments, stdin=stdin, **environment)
        assert run.code == 0, (arguments, run)
        return run

    async def refused(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        """Run a command that has to be refused: exit code 1, nothing on standard output; return what it says."""
        run = await self(*arguments, stdin=stdin, **environment)
        assert (run.code, run.out) == (1, ""), (arguments, run)
        return run.err

    async def mistaken(self, *arguments: str) -> str:
        """Run a command that is mistaken in itself: exit code 2; return what it says."""
        run = await self(*arguments)
        assert (run.code, run.out) == (2, ""), (arguments, run)
        return run.err


@cache
def command_server() -> CommandServer:
    """Return the process that commands are forked from, one for each process of tests."""
    return CommandServer(ROOT)


def bare_environment() -> dict[str, str]:
    """Return an environment in which no setting is made."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", "COLUMNS": "200", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
