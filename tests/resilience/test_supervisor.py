"""The process that keeps the workers alive."""

import asyncio
import sys
from typing import Any

import pytest

from service.serve import Supervisor

WITHIN_S = 10.0


async def test_a_worker_that_was_being_started_when_the_service_was_told_to_end_ends_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    supervisor = Supervisor({}, grace_s=WITHIN_S)
    start = asyncio.create_subprocess_exec

    async def told_to_end_meanwhile(*_: str, **__: Any) -> asyncio.subprocess.Process:
        process = await start(sys.executable, "-c", "import signal; signal.pause()")
        supervisor.stopping.set()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", told_to_end_meanwhile)
    async with asyncio.timeout(WITHIN_S):
        await supervisor.keep(0)
    assert supervisor.processes[0].returncode is not None
