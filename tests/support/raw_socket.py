"""Answers that no HTTP library would give: bytes on the connection, as a provider's hook."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(*chunks: bytes) -> Answer:
    """Send these bytes and close the connection."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        for chunk in chunks:
            request.transport.write(chunk)
        request.transport.close()
        return web.Response()

    return answer


def resets() -> Answer:
    """Break the connection off once the request is there."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return answer


def drips(begun: bytes, drop: bytes) -> Answer:
    """Send a beginning, and then a drop now and then for as long as somebody listens."""

    async def answer(request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        transport.write(begun)
        while not transport.is_closing():
            transport.write(drop)
            await asyncio.sleep(0.02)
        return web.Response()

    return answer


def floods(chunk: bytes) -> Answer:
    """Send without an end, as fast as somebody reads."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        try:
            while True:
                await response.write(chunk)
        except ConnectionError:
            return response

    return answer
