"""``keyledger demo`` as a person runs it: one command, something to try at once, one interrupt that ends it all."""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from support.service import free_port

from service.demo.api import Api
from service.demo.cast import ACME, GLOBEX, PEOPLE
from service.demo.processes import DemoFailed
from service.demo.seed import sign_in

ENDS_WITHIN_S = 40
ROOT = Path(__file__).parents[2]


@dataclass
class RunningDemo:
    """A demonstration that has told what to try. ``guide`` is all that it printed."""

    process: "subprocess.Popen[str]"
    guide: str
    service: str
    issuer: str
    data: Path

    def api(self, http: aiohttp.ClientSession) -> Api:
        """Return the API by the token that the demonstration keeps."""
        return Api(http, self.service, SecretStr((self.data / "demo" / "token").read_text().strip()))

    async def people(self, slug: str, kind: str) -> dict[str, dict[str, Any]]:
        """Return members or invitations by their address."""
        async with aiohttp.ClientSession() as http:
            api = self.api(http)
            told = api._checked(*await api._call("GET", f"/workspaces/{slug}/{kind}", None, None))
        return {item["email"]: item for item in told["items"]}

    def parts(self) -> list[int]:
        """Return a descriptor of each process that the demonstration started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [os.pidfd_open(int(child)) for child in children]


def ended(processes: list[int], within_s: float) -> bool:
    """Whether all these processes have ended, or do so in time."""
    late = time.monotonic() + within_s
    for process in processes:
        if not select.select([process], [], [], max(0.0, late - time.monotonic()))[0]:
            return False
        os.close(process)
    return True


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory that the embedded server's own user can enter."""
    directory = Path(tempfile.mkdtemp(prefix="keyledger-demo-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def ports() -> dict[str, str]:
    """Free ports, under the names of their settings."""
    names = ("KEYLEDGER_PORT", "KEYLEDGER_DEMO_PROVIDER_PORT", "KEYLEDGER_DEMO_SMTP_PORT")
    return {name: str(free_port()) for name in names}


def command(data: Path, ports: dict[str, str]) -> "subprocess.Popen[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KEYLEDGER_")}
    return subprocess.Popen(
        [sys.executable, "-m", "service", "demo"],
        cwd=ROOT,
        env={**clean, **ports, "KEYLEDGER_DATA_DIR": str(data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def running(data: Path, ports: dict[str, str]) -> Iterator[RunningDemo]:
    """Start the demonstration and wait until it has said what to try; interrupt it at the end if it still runs."""
    process = command(data, ports)
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C ends it" in line:
                break
        assert process.poll() is None, "".join(said)
        service, issuer = (
            f"http://127.0.0.1:{ports[name]}" for name in ("KEYLEDGER_PORT", "KEYLEDGER_DEMO_PROVIDER_PORT")
        )
        yield RunningDemo(process, "".join(said), service, issuer, data)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(ENDS_WITHIN_S)
        process.stdout.close()


@pytest.mark.db
async def test_one_command_sets_everything_up_and_a_second_start_keeps_what_happened(
    data: Path, ports: dict[str, str]
) -> None:
    with running(data, ports) as first:
        assert f"{first.issuer}/" in first.guide
        assert all(story.line in first.guide for story in (*ACME.stories.values(), *GLOBEX.stories.values()))
        assert (await first.people("acme", "members"))["radia@acme.example"]["status"] == "deactivated"
        assert set(await first.people("globex", "invitations")) == {"margaret@globex.example", "grace@globex.example"}
        await sign_in(first.service, first.issuer, ACME, PEOPLE["ada"])
        await sign_in(first.service, first.issuer, GLOBEX, PEOPLE["grace"])
        for workspace, person in ((ACME, "radia"), (ACME, "grace"), (ACME, "edsger"), (GLOBEX, "katherine")):
            with pytest.raises(DemoFailed, match=r"status 40\d"):
                await sign_in(first.service, first.issuer, workspace, PEOPLE[person])
        parts = first.parts()
        assert len(parts) == 2
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(ENDS_WITHIN_S) == 0
        assert ended(parts, 1)
    with running(data, ports) as second:
        members = await second.people("acme", "members")
        assert (members["ada@acme.example"]["status"], members["ada@acme.example"]["role"]) == ("active", "editor")
        assert members["radia@acme.example"]["status"] == "deactivated"
        assert (await second.people("globex", "members"))["grace@globex.example"]["role"] == "viewer"
        await sign_in(second.service, second.issuer, ACME, PEOPLE["ada"])
        parts = second.parts()
        second.process.kill()
        assert ended(parts, ENDS_WITHIN_S)


@pytest.mark.parametrize("setting", ["KEYLEDGER_PORT", "KEYLEDGER_DEMO_PROVIDER_PORT", "KEYLEDGER_DEMO_SMTP_PORT"])
def test_a_taken_port_is_named_in_one_sentence_and_nothing_is_started(
    data: Path, ports: dict[str, str], setting: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(ports[setting])))
        taken.listen()
        process = command(data, ports)
        said, _ = process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == 1
    reason = "Address already in use"
    assert said == (
        f"127.0.0.1:{ports[setting]} cannot be used ({reason}). "
        f"End what listens there, or set {setting} to a free port.\n"
    )
    assert list(data.iterdir()) == []


def test_it_refuses_to_run_as_production(data: Path, ports: dict[str, str]) -> None:
    process = command(data, {**ports, "KEYLEDGER_ENV": "production"})
    said, _ = process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == 1
    assert "KEYLEDGER_" in said
