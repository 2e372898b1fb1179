"""``keyledger demo`` as a person runs it: one command, something to try at once, one interrupt that ends it all."""

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.demo import ENDS_WITHIN_S, data_directory, free_ports, running_demo, start_demo

from service.demo.cast import ACME, GLOBEX, PEOPLE
from service.demo.processes import DemoFailed
from service.demo.seed import sign_in


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory of this test's own."""
    with data_directory() as directory:
        yield directory


@pytest.fixture
def ports() -> dict[str, str]:
    """Free ports, under the names of their settings."""
    return free_ports()


def ended(processes: list[int], within_s: float) -> bool:
    """Whether all these processes have ended, or do so in time."""
    late = time.monotonic() + within_s
    for process in processes:
        if not select.select([process], [], [], max(0.0, late - time.monotonic()))[0]:
            return False
        os.close(process)
    return True


def ran_as_printed(guide: str) -> str:
    """Run the commands of the text in a shell that knows of no environment; return what they print."""
    lines = guide.split("in another terminal:\n")[1].split("\n\n", maxsplit=1)[0]
    plain = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], "COLUMNS": "200"}
    return subprocess.run(["/bin/bash", "-ec", lines], env=plain, check=True, capture_output=True, text=True).stdout


@pytest.mark.db
async def test_one_command_sets_everything_up_and_a_second_start_keeps_what_happened(
    data: Path, ports: dict[str, str]
) -> None:
    with running_demo(data, ports) as first:
        assert f"{first.issuer}/" in first.guide
        assert all(story.line in first.guide for story in (*ACME.stories.values(), *GLOBEX.stories.values()))
        assert "Registered the workspace Acme" in ran_as_printed(first.guide)
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
    with running_demo(data, ports) as second:
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
        process = start_demo(data, ports)
        said, _ = process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == 1
    reason = "Address already in use"
    assert said == (
        f"127.0.0.1:{ports[setting]} cannot be used ({reason}). "
        f"End what listens there, or set {setting} to a free port.\n"
    )
    assert list(data.iterdir()) == []


def test_it_refuses_to_run_as_production(data: Path, ports: dict[str, str]) -> None:
    process = start_demo(data, {**ports, "KEYLEDGER_ENV": "production"})
    said, _ = process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == 1
    assert "KEYLEDGER_" in said
