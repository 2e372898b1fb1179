"""Other people's OpenID providers, each a program in a process of its own that listens on this machine."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

STARTS_WITHIN_S: Final = 30.0
ENDS_WITHIN_S: Final = 5.0


@contextmanager
def provider_process(
    command: Sequence[str], directory: Path, ready_url: str, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a provider in ``directory`` from the moment it answers 200 at ``ready_url`` until the context ends."""
    log = directory / "provider.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait(process, ready_url, log)
        yield
    finally:
        # The whole session of processes: a provider may have made workers.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDS_WITHIN_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    late = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < late:
        assert process.poll() is None, f"the provider ended:\n{log.read_text(errors='replace')[-4000:]}"
        if _answers(url):
            return
        time.sleep(0.05)
    message = f"the provider is not ready:\n{log.read_text(errors='replace')[-4000:]}"
    raise AssertionError(message)


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
