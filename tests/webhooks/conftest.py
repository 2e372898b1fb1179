"""Fixtures of the webhooks' tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.database import Pool
from support.identity_world import KEY
from support.management import managed
from support.outside import Outside, Receiver

from service.cookiebox import CookieBox
from service.new_events import NewEvents
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy
from service.webhooks.sender import WebhookSender


@pytest.fixture
async def outside(pool: Pool) -> AsyncIterator[Outside]:
    """A registered acme and globex, and nobody who is told of them yet."""
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(managed(pool))
        receiver = Receiver()
        app = web.Application()
        app.router.add_post("/hook", receiver.take)
        server = await stack.enter_async_context(TestServer(app))
        receiver.url = str(server.make_url("/hook"))
        http = await stack.enter_async_context(ProviderClient(ProviderPolicy(allow_loopback=True), clock=api.clock))
        sender = WebhookSender(pool, CookieBox([KEY]), api.clock, http, NewEvents())
        await api.register("acme")
        await api.register("globex")
        yield Outside(api, receiver, sender, await api.new_token("root", "operator"))
