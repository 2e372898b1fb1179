"""The real service, with two workers, tells an address outside by itself, and wakes readers who wait for the log."""

import asyncio
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from support.database import TestDatabase
from support.identity_world import KEY
from support.service import RunningService, running_service

from events.envelope import Actor, Context
from events.names import Names
from events.sealing import KeyRing
from events.store import EventStore
from service.db import open_pool
from service.tokens import create_token

WITHIN_S = 60.0


async def test_an_event_reaches_a_webhook_and_a_waiting_reader_by_itself(
    database: TestDatabase, tmp_path: Path
) -> None:
    """Each message comes once, in order, although two workers could send it."""
    async with open_pool(SecretStr(database.runtime_dsn), size=1) as pool:
        operator, names = Context(Actor("operator", "root")), Names(pool, KeyRing([KEY]))
        token = await create_token(pool, EventStore(pool), names, "root", "operator", operator)

    def run() -> None:
        with running_service(database, tmp_path, WORKERS="2", SECRET_KEYS=b64encode(KEY).decode()) as service:
            asyncio.run(use(service, token))

    await asyncio.to_thread(run)


async def use(service: RunningService, token: SecretStr) -> None:
    """Add a webhook, wait at the log's end, record something, and see both told."""
    got: asyncio.Queue[Any] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        await got.put(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    async with TestServer(app) as receiver, aiohttp.ClientSession() as http, asyncio.timeout(WITHIN_S):
        added = await service.call("POST", "/workspaces", {"slug": "acme", "name": "Acme", "plan": "one"})
        body = {"url": str(receiver.make_url("/hook")), "workspace": "acme"}
        own = {"Authorization": f"Bearer {token.get_secret_value()}"}
        async with http.post(f"{service.url}/api/v1/webhooks", json=body, headers=own) as answer:
            assert answer.status == 201, await answer.text()
            end = (await answer.json())["webhook"]["position"]
        assert end > added["position"]
        reader = asyncio.create_task(read(http, f"{service.url}/api/v1/events?after={end}&wait=30", own))
        for number in range(5):
            await service.record("acme", ("DomainAdded", {"domain": f"a{number}.example"}))
        told = [(await got.get())["data"]["version"] for _ in range(5)]
        assert told == [2, 3, 4, 5, 6]
        assert (await reader)[0]["streamversion"] == "2"
        assert got.empty()


async def read(http: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> list[Any]:
    """Return the CloudEvents of one request."""
    async with http.get(url, headers=headers) as answer:
        assert answer.status == 200
        return [json.loads(line) for line in (await answer.text()).splitlines()]
