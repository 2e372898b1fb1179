"""The process that keeps the workers alive."""

import asyncio
import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from service.serve import Supervisor, _remove_left_behind

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


async def test_workers_that_end_at_once_are_started_again_ever_more_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Supervisor({}, grace_s=WITHIN_S)
    start, pauses = asyncio.create_subprocess_exec, list[float]()

    async def ending_at_once(*_: str, **__: Any) -> asyncio.subprocess.Process:
        return await start(sys.executable, "-c", "")

    async def no_wait(stopping: Coroutine[Any, Any, bool], pause: float) -> None:
        stopping.close()
        pauses.append(pause)
        if len(pauses) == 7:
            supervisor.stopping.set()

    monkeypatch.setattr(asyncio, "create_subprocess_exec", ending_at_once)
    monkeypatch.setattr(asyncio, "wait_for", no_wait)
    async with asyncio.timeout(WITHIN_S):
        await supervisor.keep(0)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_worker_without_a_database_says_so_in_a_line_and_ends() -> None:
    environment = {
        **os.environ,
        "KEYLEDGER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere",
        "KEYLEDGER_SECRET_KEYS": base64.b64encode(bytes(range(32))).decode(),
        "KEYLEDGER_PORT": "8181",
    }
    done = subprocess.run(
        [sys.executable, "-m", "service.worker", str(os.getpid())],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "database_unusable"
    assert "Traceback" not in done.stderr


def test_numbers_of_a_supervisor_that_was_killed_are_removed_by_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left = tmp_path / f"keyledger-metrics-{int(dead.stdout)}-a1"
    kept = [tmp_path / f"keyledger-metrics-{os.getpid()}-b2", tmp_path / "keyledger-metrics-other", tmp_path / "else"]
    for directory in (left, *kept):
        directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    _remove_left_behind()
    assert sorted(tmp_path.iterdir()) == sorted(kept)
