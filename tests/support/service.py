"""The real service, started as its users start it: ``python -m service serve`` in a process of its own."""

import asyncio
import http.client
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiosmtpd.controller import Controller
from support.database import TestDatabase

from service.demo.mailbox import Mailbox

STARTS_WITHIN_S: Final = 60.0
ENDS_WITHIN_S: Final = 30.0
MAIL_WITHIN_S: Final = 20.0
ROOT: Final = Path(__file__).parents[2]

Json = dict[str, Any]


def free_port() -> int:
    """Return a port on which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class RunningService:
    """The service that listens at ``url``; ``token`` is a support token of its API."""

    url: str
    token: str
    log: Path
    post: "PostOffice"
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def initiate_uri(self, slug: str) -> str:
        """Return the address that starts a sign-in."""
        return f"{self.url}/api/sso/initiate/{slug}"

    def redirect_uri(self, slug: str) -> str:
        """Return the address that the provider sends people back to."""
        return f"{self.url}/api/sso/callback/{slug}"

    def new_slug(self) -> str:
        """Return the name of a workspace that does not exist yet."""
        return f"acme-{next(self._numbers)}"

    async def call(self, method: str, path: str, body: object = None) -> Json:
        """Call the management API and return what it answers."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, f"{self.url}/api/v1{path}", json=body, headers=headers) as answer,
        ):
            told: Json = await answer.json()
            assert answer.status < 400, told
            return told

    async def record(self, slug: str, *events: tuple[str, Json]) -> Json:
        """Have events recorded, all or none, each as (type, data)."""
        body = [{"type": kind, "data": data, "reason": "a test needs it"} for kind, data in events]
        return await self.call("POST", f"/workspaces/{slug}/events", body)

    async def connect(
        self,
        slug: str,
        issuer: str,
        client_id: str,
        client_secret: str,
        *,
        domains: Sequence[str] = ("acme.example",),
        jit: bool = True,
    ) -> None:
        """Register a workspace whose members sign in at this provider."""
        await self.call("POST", "/workspaces", {"slug": slug, "name": "Acme", "plan": "one"})
        credentials = {
            "issuer": issuer,
            "client_id": client_id,
            "client_secret": client_secret,
            "email_verified": "ignore",
        }
        switched: list[tuple[str, Json]] = [] if jit else [("JitDisabled", {})]
        await self.record(
            slug,
            *(("DomainAdded", {"domain": domain}) for domain in domains),
            ("CredentialsSet", credentials),
            *switched,
            ("SsoEnabled", {}),
        )

    async def sign_ins(self, slug: str) -> list[Json]:
        """Return the sign-in log of a workspace, newest first."""
        items: list[Json] = (await self.call("GET", f"/workspaces/{slug}/sign-ins"))["items"]
        return items

    async def members(self, slug: str) -> dict[str, Json]:
        """Return the members of a workspace by their address."""
        items = (await self.call("GET", f"/workspaces/{slug}/members"))["items"]
        return {item["email"]: item for item in items}

    async def mail_to(self, address: str, holding: str) -> str:
        """Return the text of the newest mail to an address that holds these words; wait until it comes."""
        return await asyncio.to_thread(self.post.wait_for, address, holding)


class PostOffice(Mailbox):
    """A mailbox in which one can wait for a mail."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.url = ""
        self._came = threading.Condition()

    def keep(self, content: bytes) -> None:
        """Keep one mail, and tell whoever waits."""
        with self._came:
            super().keep(content)
            self._came.notify_all()

    def wait_for(self, address: str, holding: str) -> str:
        """Return the text of the newest mail to an address that holds these words."""
        with self._came:
            found = self._came.wait_for(lambda: self._find(address, holding), MAIL_WITHIN_S)
        assert found, f"no mail to {address} holds {holding!r}"
        return found

    def _find(self, address: str, holding: str) -> str:
        texts = (mail.text for mail in self.mails() if address in str(mail.message["To"]))
        return next((text for text in texts if holding in text), "")


@contextmanager
def running_service(database: TestDatabase, directory: Path, **settings: str) -> Iterator[RunningService]:
    """Run the service on a migrated database; ``settings`` are more of its environment, without the prefix."""
    post = PostOffice(directory / "mail")
    catcher = Controller(post, hostname="127.0.0.1", port=free_port())
    catcher.start()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    given = {
        "PORT": str(port),
        "DATA_DIR": str(directory / "data"),
        "DATABASE_URL": database.runtime_dsn,
        "OWNER_DATABASE_URL": database.owner_dsn,
        "SMTP_URL": f"smtp://127.0.0.1:{catcher.port}",
        "RATE_PER_MINUTE": "100000",
    } | settings
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KEYLEDGER_")}
    environment = clean | {f"KEYLEDGER_{name}": value for name, value in given.items()}
    log = directory / "service.log"
    command = [sys.executable, "-m", "service"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "serve"], cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        _wait_until_ready(process, url, log)
        create = [*command, "token", "create", "tests", "--role", "support"]
        made = subprocess.run(create, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        yield RunningService(url, made.stdout.strip(), log, post)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDS_WITHIN_S)
        process.kill()
        process.wait()
        catcher.stop()


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    late = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < late:
        assert process.poll() is None, f"the service ended:\n{log.read_text()[-4000:]}"
        if _is_ready(url):
            return
        time.sleep(0.1)
    message = f"the service is not ready:\n{log.read_text()[-4000:]}"
    raise AssertionError(message)


def _is_ready(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
