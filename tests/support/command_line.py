"""The ``keyledger`` command, run as a process of its own."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self.environment, **environment},
        )
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), timeout=60)
        assert process.returncode is not None
        return Run(process.returncode, out.decode(), err.decode())

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


def bare_environment() -> dict[str, str]:
    """Return an environment in which no setting is made."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", "COLUMNS": "200", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
