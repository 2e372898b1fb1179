"""The redirect that writes its own bytes is an answer like any other to whoever reads it."""

import asyncio
import os
from http import HTTPStatus

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict

from events.randomness import DRAWN_AHEAD, RandomBytes
from service.web.redirect import Redirect, RedirectHead

HEAD = RedirectHead(CIMultiDict({"Cache-Control": "no-store"}))


async def go(_request: web.Request) -> web.StreamResponse:
    return Redirect(HEAD, 302, "https://acme.example/next", ["a=1; Path=/", "b=2; Path=/"], "req_1")


async def stay(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="here")


async def exchange(request: bytes, *, answers: int = 1) -> str:
    """Send raw bytes to a server with a redirect and a plain answer, and return what comes back."""
    app = web.Application()
    app.router.add_get("/go", go)
    app.router.add_get("/stay", stay)
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(request)
        came = b""
        async with asyncio.timeout(5):
            while came.count(b"HTTP/1.") < answers or not came.endswith((b"\r\n\r\n", b"here")):
                part = await reader.read(65536)
                if not part:
                    break
                came += part
        writer.close()
        return came.decode()


async def test_a_redirect_names_address_cookies_date_and_request() -> None:
    head, _, body = (await exchange(b"GET /go HTTP/1.1\r\nHost: x\r\n\r\n")).partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    assert status == "HTTP/1.1 302 Found"
    assert body == ""
    names = [line.partition(":")[0] for line in lines]
    assert sorted(names) == [
        "Cache-Control", "Content-Length", "Date", "Location", "Set-Cookie", "Set-Cookie", "X-Request-Id",
    ]  # fmt: skip
    assert "Location: https://acme.example/next" in lines
    assert {"Set-Cookie: a=1; Path=/", "Set-Cookie: b=2; Path=/", "X-Request-Id: req_1"} < set(lines)


@pytest.mark.parametrize(
    "request_line",
    [b"GET /go HTTP/1.0\r\nHost: x\r\n\r\n", b"GET /go HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"],
)
async def test_a_connection_that_is_to_be_closed_is_closed_after_the_same_answer(request_line: bytes) -> None:
    answer = await exchange(request_line, answers=2)
    assert answer.count("HTTP/1.") == 1
    assert "Location: https://acme.example/next\r\n" in answer
    assert answer.count("Set-Cookie: ") == 2
    assert "X-Request-Id: req_1\r\n" in answer


async def test_answers_to_requests_sent_in_one_go_keep_their_order() -> None:
    asked = b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in (b"/go", b"/stay", b"/go", b"/stay"))
    answers = (await exchange(asked, answers=4)).split("HTTP/1.1 ")[1:]
    assert [int(answer[:3]) for answer in answers] == [302, 200, 302, 200]


@pytest.mark.parametrize(
    "text",
    [
        "https://acme.example/\r\nSet-Cookie: x=1",
        "https://acme.example/\nx",
        "a\rb",
        "a\u2028b",
        "a\x85b",
        "a\x0bb",
        "a\0b",
        "a\x7fb",
    ],
)
def test_a_line_break_never_begins_another_header(text: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        Redirect(HEAD, HTTPStatus.FOUND, text, [], "req_1")
    with pytest.raises(ValueError, match="line break"):
        Redirect(HEAD, HTTPStatus.FOUND, "https://acme.example/", [text], "req_1")


def test_what_is_drawn_ahead_is_never_drawn_twice() -> None:
    source = RandomBytes(12)
    drawn = [source.take() for _ in range(3 * DRAWN_AHEAD + 1)]
    assert len(set(drawn)) == len(drawn)
    assert {len(one) for one in drawn} == {12}


def test_a_forked_process_shares_no_draw_with_its_parent() -> None:
    source = RandomBytes(12)
    source.take()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"".join(source.take() for _ in range(DRAWN_AHEAD)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 12 * DRAWN_AHEAD)
    ours = {source.take() for _ in range(DRAWN_AHEAD)}
    assert not ours & {theirs[start : start + 12] for start in range(0, len(theirs), 12)}
