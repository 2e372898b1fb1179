"""The demonstration's child processes: each writes a log of its own, and none outlives the demonstration."""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LINES_SHOWN: Final = 12
GRACE_S: Final = 30.0


class DemoFailed(Exception):
    """The demonstration cannot go on. The message is for the person who started it."""


@dataclass(frozen=True)
class Child:
    """One process and where it writes."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    def failure(self, what: str) -> DemoFailed:
        """Return what to tell, with the last lines that the process wrote."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_SHOWN:]
        return DemoFailed("\n".join([f"{self.name} {what}. It wrote, in {self.log}:", *lines]))


@dataclass
class Children:
    """Starts modules of ours as processes, and ends them in the opposite order."""

    logs: Path
    _started: list[Child] = field(default_factory=list)

    async def start(self, name: str, module: str, *arguments: str, settings: Mapping[str, str] | None = None) -> Child:
        """Start a module; ``settings`` are added to this process's environment."""
        log = self.logs / f"{module.rpartition('.')[2]}.log"
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                env={**os.environ, **(settings or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                # An interrupt in the terminal reaches this process alone, which then ends the others in order.
                start_new_session=True,
            )
        self._started.append(Child(name, process, log))
        return self._started[-1]

    async def first_to_end(self) -> DemoFailed:
        """Wait until a process ends by itself, and return what to tell."""
        waits = {asyncio.ensure_future(child.process.wait()): child for child in self._started}
        try:
            ended, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return waits[next(iter(ended))].failure("ended")
        finally:
            for wait in waits:
                wait.cancel()

    async def stop(self) -> None:
        """End all, the last first, and wait for each; one that does not end in time is killed."""
        for child in reversed(self._started):
            with suppress(ProcessLookupError):
                child.process.terminate()
            try:
                async with asyncio.timeout(GRACE_S):
                    await child.process.wait()
            except TimeoutError:
                child.process.kill()
                await child.process.wait()
