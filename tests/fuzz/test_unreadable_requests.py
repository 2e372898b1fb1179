"""What cannot be read as a request is answered without a word of it, for it may hold what nobody may read."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st
from support.fuzzing import searching

from service.web.front.unreadable import QuietRunner

SECRET = b"keyledger-session=a-secret-that-no-script-may-read"
END = b"\r\nHost: id.example\r\nConnection: close\r\n\r\n"


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


async def broken(_: web.Request) -> web.Response:
    raise RuntimeError(SECRET.decode())


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Where an application listens that is run as the service runs."""
    app = web.Application()
    app.router.add_route("*", "/", hello)
    app.router.add_get("/broken", broken)
    runner = QuietRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def said(port: int, raw: bytes) -> bytes:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(raw)
            await writer.drain()
            return await reader.read(-1)
        finally:
            writer.close()


UNREADABLE = {
    "a control character in the query": b"GET /?code=" + SECRET + b"\x01 HTTP/1.1" + END,
    "an address that is too long": b"GET /?code=" + SECRET + b"a" * 9000 + b" HTTP/1.1" + END,
    "NUL in a cookie": b"GET / HTTP/1.1\r\nCookie: " + SECRET + b"\x00" + END,
    "a cookie that is too long": b"GET / HTTP/1.1\r\nCookie: " + SECRET + b"b" * 9000 + END,
    "a chunk without a size": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked" + END + SECRET + b"\r\nabc\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\nX: " + SECRET + END,
    "a length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nX: " + SECRET + END,
    "another protocol": SECRET + b" / FTP/9\r\n\r\n",
}


@pytest.mark.parametrize("row", UNREADABLE)
async def test_what_cannot_be_read_is_refused_and_not_repeated(port: int, row: str) -> None:
    head, _, body = (await said(port, UNREADABLE[row])).partition(b"\r\n\r\n")
    assert b" 400 " in head.splitlines()[0]
    assert SECRET[:12] not in head + body
    assert body.startswith(b"This request cannot be read")
    for field in (b"X-Content-Type-Options: nosniff", b"Cache-Control: no-store", b"Server: keyledger"):
        assert field in head
    assert b"aiohttp" not in head


async def test_what_can_be_read_is_answered_by_the_application(port: int) -> None:
    assert (await said(port, b"GET / HTTP/1.1" + END)).endswith(b"hello")


async def test_a_fault_is_answered_without_a_word_of_it(port: int) -> None:
    answer = await said(port, b"GET /broken HTTP/1.1" + END)
    assert b" 500 " in answer.splitlines()[0]
    assert SECRET not in answer


pieces = st.sampled_from(
    [b"\r\n", b" ", b":", b"\x00", b"\t", b"HTTP/1.1", b"GET", b"Cookie: ", b"Content-Length: 5", b"/"]
)


@given(st.lists(pieces | st.binary(max_size=20) | st.just(SECRET), max_size=12).map(b"".join))
@example(b"")
@searching(60)
async def test_no_bytes_at_all_are_repeated_or_left_without_an_end(port: int, raw: bytes) -> None:
    """Many a request that cannot be read may be read as one, and is answered like one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    writer.write_eof()
    async with asyncio.timeout(10):
        answer = await reader.read(-1)
    writer.close()
    assert SECRET not in answer
    assert b" 500 " not in answer.split(b"\r\n")[0]
