"""``keyledger demo`` in a process of its own, on ports and in a directory of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from pydantic import SecretStr
from support.service import free_port

from service.demo.api import Api

ENDS_WITHIN_S: Final = 40
ROOT: Final = Path(__file__).parents[2]


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


@contextmanager
def data_directory() -> Iterator[Path]:
    """Make a data directory that the embedded server's own user can enter."""
    directory = Path(tempfile.mkdtemp(prefix="keyledger-demo-"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def free_ports() -> dict[str, str]:
    """Return free ports under the names of their settings."""
    names = ("KEYLEDGER_PORT", "KEYLEDGER_DEMO_PROVIDER_PORT", "KEYLEDGER_DEMO_SMTP_PORT")
    return {name: str(free_port()) for name in names}


def start_demo(data: Path, ports: dict[str, str]) -> "subprocess.Popen[str]":
    """Start the command and return at once."""
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
def running_demo(data: Path, ports: dict[str, str]) -> Iterator[RunningDemo]:
    """Start the demonstration and wait until it has said what to try; interrupt it at the end if it still runs."""
    process = start_demo(data, ports)
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
