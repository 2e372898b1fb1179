"""The service as an operator runs it, with one worker and everything on, beside a cheap provider."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from bench.cheap_provider import CLIENT_ID, CLIENT_SECRET

from service.embedded import OWNER, RUNTIME, socket_url

HERE = Path(__file__).parent
SLUG = "bench-acme"
START_S = 60.0


@dataclass(frozen=True)
class Running:
    """Where the service and the floor answer, which processes to account, and how to reach the database."""

    base_url: str
    floor_url: str
    service_pid: int
    database_pid: int
    owner_url: str
    runtime_url: str
    superuser_url: str
    data: Path


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def started(*command: str, env: dict[str, str], output: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program for as long as the context lasts."""
    with output.open("wb") as log:
        process = await asyncio.create_subprocess_exec(sys.executable, *command, env=env, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[Running]:
    """Start service, provider and floor on a fresh data directory; set a workspace up that signs in at the provider."""
    ports = {name: free_port() for name in ("service", "provider", "floor")}
    base = f"http://127.0.0.1:{ports['service']}"
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KEYLEDGER_")},
        "KEYLEDGER_DATA_DIR": str(directory),
        "KEYLEDGER_PORT": str(ports["service"]),
        "KEYLEDGER_RATE_PER_MINUTE": "1000000",
        # A million events that a bench fills in at once would be what the notary works on meanwhile.
        "KEYLEDGER_CHECKPOINT_SECONDS": "86400",
        "KEYLEDGER_URL": base,
    }
    async with AsyncExitStack() as stack:
        for name, program in (("provider", "cheap_provider.py"), ("floor", "floor.py")):
            command = (str(HERE / program), str(ports[name]))
            await stack.enter_async_context(started(*command, env=env, output=directory / f"{name}.log"))
        service = await stack.enter_async_context(
            started("-m", "service", "serve", env=env, output=directory / "service.log")
        )
        await answering(f"{base}/readyz")
        await set_up(base, f"http://127.0.0.1:{ports['provider']}", env)
        sockets = directory / "run"
        yield Running(
            base_url=base,
            floor_url=f"http://127.0.0.1:{ports['floor']}/floor",
            service_pid=service.pid,
            database_pid=int((directory / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0]),
            owner_url=socket_url(sockets, OWNER),
            runtime_url=socket_url(sockets, RUNTIME),
            superuser_url=socket_url(sockets, "postgres"),
            data=directory,
        )


async def answering(url: str) -> None:
    """Wait until the address answers 200."""
    async with asyncio.timeout(START_S), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)


async def set_up(base: str, issuer: str, env: dict[str, str]) -> None:
    """Register the workspace, its domain and credentials, and enable SSO, through the public API."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "token", "create", "bench", "--role", "operator"),
        env=env,
        stdout=asyncio.subprocess.PIPE,
    )
    token = (await process.communicate())[0].decode().strip()
    credentials = {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "email_verified": "ignore"}
    events: list[dict[str, Any]] = [
        {"type": "DomainAdded", "data": {"domain": "acme.example"}},
        {"type": "CredentialsSet", "data": credentials},
        {"type": "SsoEnabled", "data": {}},
    ]
    async with aiohttp.ClientSession(f"{base}/api/v1/", headers={"Authorization": f"Bearer {token}"}) as session:
        for path, body in (
            ("workspaces", {"slug": SLUG, "name": "Acme", "plan": "one"}),
            (f"workspaces/{SLUG}/events", events),
        ):
            async with session.post(path, json=body) as answer:
                if answer.status != 201:
                    raise RuntimeError(await answer.text())
