"""How the client behaves towards providers that do not behave, and towards what only looks like one."""

import asyncio
import gzip
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web
from support.oidc import TurnedClock, fails
from support.provider import FakeProvider

from service.oidc.http import CONNECTIONS_PER_HOST, LARGEST_ANSWER, Fetched, ProviderClient
from service.oidc.policy import ProviderPolicy

LOOPBACK = ProviderPolicy(allow_loopback=True)
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(talk: Talk) -> AsyncIterator[str]:
    """A server that says whatever it likes once a request came."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://127.0.0.1:1/", "https://evil.example/", "file:///etc/passwd"])
async def test_h04_h05_no_redirect_is_followed_and_nothing_sent_again(
    http: ProviderClient, provider: FakeProvider, status: int, target: str
) -> None:
    provider.hooks["token"] = lambda _: web.Response(status=status, headers={"Location": target})
    provider.hooks["discovery"] = provider.hooks["token"]
    posted = await fails(http.post_form("token", provider.endpoint("token"), {"client_secret": "s"}))
    got = await fails(http.get_json("keys", f"{provider.issuer}/.well-known/openid-configuration"))
    assert (posted.reason, posted.detail) == (got.reason, got.detail) == ("provider_misconfigured", "redirect_refused")
    assert len(provider.received) == 2


KINDS = {
    "H09 JSON": ("application/json", True),
    "H09 JSON with a charset": ("Application/JSON; charset=utf-8", True),
    "H09 a kind of JSON": ("application/jwk-set+json", True),
    "H09 html": ("text/html", False),
    "H09 a kind of XML": ("application/xml", False),
    "H09 JSON by its ending alone": ("image/x+json", False),
    "H09 not said": ("", False),
}


@pytest.mark.parametrize("row", KINDS)
def test_an_answer_is_json_where_it_says_so(row: str) -> None:
    """Any type that ends in ``+json`` counts (RFC 6839 3.1): key sets come as ``application/jwk-set+json`` too."""
    kind, is_json = KINDS[row]
    assert Fetched(200, {"content-type": kind}, b"{}").is_json is is_json


COMPRESSED = {
    "H13 gzip": ("gzip", gzip.compress(b'{"a":"' + b"a" * 10_000_000 + b'"}')),
    "H13 deflate": ("deflate", zlib.compress(b"{}")),
    "H13 br": ("br", b"\x8b\x00\x80{}\x03"),
    "H13 zstd": ("zstd", b"(\xb5/\xfd"),
    "H13 two at once": ("gzip, gzip", gzip.compress(gzip.compress(b"{}"))),
}


@pytest.mark.parametrize("row", COMPRESSED)
async def test_h13_nothing_compressed_is_read(http: ProviderClient, provider: FakeProvider, row: str) -> None:
    encoding, body = COMPRESSED[row]
    provider.hooks["keys"] = lambda _: web.Response(body=body, headers={"Content-Encoding": encoding})
    assert (await fails(http.get_json("keys", provider.endpoint("keys")))).detail == "answer_compressed"
    assert provider.received[0].headers["Accept-Encoding"] == "identity"


async def test_h13_an_endless_answer_is_cut_at_one_mebibyte(http: ProviderClient) -> None:
    sent = 0

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
            await writer.drain()
            sent += 65536

    async with raw_server(endless) as url:
        assert (await fails(http.get_json("keys", url))).detail == "answer_too_large"
    assert sent < 16 * LARGEST_ANSWER


@pytest.mark.parametrize("drip", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"HTTP/1.1 200 OK\r\nX-A: b\r\n"])
async def test_h14_a_provider_that_drips_is_given_up_after_the_whole_time(drip: bytes) -> None:
    async def slowly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(drip)
        while True:
            writer.write(b"x" if b"\r\n\r\n" not in drip else b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with ProviderClient(LOOPBACK, timeout_s=0.2) as http, raw_server(slowly) as url:
        begun = time.monotonic()
        error = await fails(http.get_json("keys", url))
        assert (error.reason, error.detail) == ("provider_unreachable", "timeout")
        assert time.monotonic() - begun < 1.5


async def test_h11_a_reset_after_the_request_is_not_answered_by_a_second_one(http: ProviderClient) -> None:
    requests = 0

    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        writer.transport.abort()

    async with raw_server(reset) as url:
        error = await fails(http.post_form("token", url, {"code": "c"}))
    assert (error.reason, error.detail) == ("provider_unreachable", "connection_failed")
    assert requests == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"",
    ],
    ids=["no HTTP", "negative length", "long header", "many headers", "cut short", "nothing"],
)
async def test_what_is_not_http_is_a_failed_connection(http: ProviderClient, answer: bytes) -> None:
    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async with raw_server(say) as url:
        assert (await fails(http.get_json("keys", url))).reason == "provider_unreachable"


async def test_h16_no_cookie_is_kept(http: ProviderClient, provider: FakeProvider) -> None:
    provider.hooks["keys"] = lambda _: web.Response(headers={"Set-Cookie": "sid=1; Path=/"})
    for _ in range(2):
        await http.get_json("keys", f"http://localhost:{provider.port}/oauth2/v1/keys")
    assert len(provider.received) == 2
    assert "Cookie" not in provider.received[1].headers


async def test_h18_providers_that_do_not_answer_keep_no_other_one_waiting(provider: FakeProvider) -> None:
    """Each is allowed its own number of connections, and no number of them uses up those of the others."""
    connections: Counter[int] = Counter()
    full = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[writer.get_extra_info("sockname")[1]] += 1
        if connections.total() == 4 * CONNECTIONS_PER_HOST:
            full.set()
        await asyncio.Event().wait()

    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(ProviderClient(LOOPBACK, timeout_s=5.0))
        dead = [await stack.enter_async_context(raw_server(silent)) for _ in range(4)]
        stuck = [
            asyncio.ensure_future(http.get_json("keys", url)) for url in dead for _ in range(2 * CONNECTIONS_PER_HOST)
        ]
        async with asyncio.timeout(4.0):
            await full.wait()
            assert (await http.get_json("keys", provider.endpoint("keys"))).status == 200
        assert set(connections.values()) == {CONNECTIONS_PER_HOST}
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


LIMITS = {
    "H12 Retry-After in seconds": ({"Retry-After": "17"}, 17),
    "H12 Retry-After as a date": ({"Retry-After": "Wed, 25 Nov 2026 12:00:30 GMT"}, 30),
    "H12 Retry-After of ages": ({"Retry-After": str(10**9)}, 3600),
    "H12 Retry-After in the past": ({"Retry-After": "Wed, 25 Nov 2020 12:00:30 GMT"}, 1),
    "H12 Retry-After garbage": ({"Retry-After": "soon"}, 60),
    "H12 negative": ({"Retry-After": "-5"}, 60),
    "H12 Okta's reset": ({"X-Rate-Limit-Reset": "1795608042"}, 42),
    "H12 Okta's reset in milliseconds": ({"X-Rate-Limit-Reset": "1795608042000"}, 60),
    "H12 nothing said": ({}, 60),
}


@pytest.mark.parametrize("row", LIMITS)
async def test_h12_a_provider_that_limits_is_left_alone_and_nobody_waits(
    http: ProviderClient, provider: FakeProvider, clock: TurnedClock, row: str
) -> None:
    headers, seconds = LIMITS[row]
    clock.now = clock.now.fromtimestamp(1_795_608_000, clock.now.tzinfo)
    provider.hooks["token"] = lambda _: web.json_response({"errorCode": "E0000047"}, status=429, headers=headers)
    error = await fails(http.post_form("token", provider.endpoint("token"), {}))
    assert (error.reason, error.detail, error.retry_after) == ("provider_unreachable", "rate_limited", seconds)
    assert f"{seconds} seconds" in error.explanation
    assert len(provider.received) == 1


async def test_a_client_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError):
        await ProviderClient(LOOPBACK).get_json("keys", "http://127.0.0.1:1/")


async def test_each_request_is_counted_with_its_outcome(provider: FakeProvider) -> None:
    """Operators see what was asked of providers, and why there was no answer; never at which address."""
    seen: list[tuple[str, str]] = []
    async with ProviderClient(LOOPBACK, fetched=lambda what, outcome: seen.append((what, outcome))) as http:
        await http.get_json("keys", provider.endpoint("keys"))
        await fails(http.get_json("discovery", "http://127.0.0.1:1/"))
    assert seen == [("keys", "answered"), ("discovery", "connection_failed")]


async def test_no_proxy_of_the_environment_comes_between(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with ProviderClient(LOOPBACK) as http:
        assert (await http.get_json("keys", provider.endpoint("keys"))).status == 200
