"""What the mocked HTTP promises to tests that inject failures."""

import aiohttp
import pytest
from aiohttp import web
from aioresponses import aioresponses
from pytest_aiohttp.plugin import AiohttpServer

ADDRESS = "https://provider.acme.example/keys"


async def test_a_mocked_answer_is_read_like_a_real_one(mocked_http: aioresponses) -> None:
    mocked_http.get(ADDRESS, status=503, payload={"error": "busy"})
    async with aiohttp.ClientSession() as session, session.get(ADDRESS) as answer:
        assert (answer.status, await answer.json()) == (503, {"error": "busy"})


async def test_a_mocked_failure_is_raised(mocked_http: aioresponses) -> None:
    mocked_http.get(ADDRESS, exception=TimeoutError())
    async with aiohttp.ClientSession() as session:
        with pytest.raises(TimeoutError):
            await session.get(ADDRESS)


async def test_an_address_that_is_not_mocked_is_never_asked(mocked_http: aioresponses) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(ADDRESS)


async def test_servers_on_this_machine_answer_for_themselves(
    mocked_http: aioresponses, aiohttp_server: AiohttpServer
) -> None:
    async def here(_request: web.Request) -> web.Response:
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/", here)
    server = await aiohttp_server(app)
    async with aiohttp.ClientSession() as session, session.get(server.make_url("/")) as answer:
        assert await answer.text() == "here"
