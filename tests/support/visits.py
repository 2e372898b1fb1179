"""Sign-ins over HTTP, step by step, at a provider that lives in the test's own process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
from aiohttp import web
from bench.cheap_provider import CLIENT_ID, CLIENT_SECRET, CheapProvider, code_for
from support.service import free_port

SLUG = "acme"

Json = dict[str, Any]


class GatedProvider(CheapProvider):
    """The cheap provider; while its gate is closed, codes are not exchanged."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def token(self, request: web.Request) -> web.Response:
        """Exchange a code once the gate is open."""
        self.asked.set()
        await self.gate.wait()
        return await super().token(request)


@asynccontextmanager
async def gated_provider() -> AsyncIterator[GatedProvider]:
    """Run a provider for as long as the context lasts."""
    provider = GatedProvider(free_port())
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", provider.discovery)
    app.router.add_get("/oauth2/v1/keys", provider.keys)
    app.router.add_post("/oauth2/v1/token", provider.token)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", urlsplit(provider.issuer).port).start()
    try:
        yield provider
    finally:
        provider.gate.set()
        await runner.cleanup()


@dataclass(frozen=True)
class Answer:
    """What a callback answered: the session it gave, if any, and the request's id."""

    status: int
    session: str | None
    request_id: str
    text: str


@dataclass
class Visit:
    """One attempt: what the browser holds, and who comes back from the provider."""

    path: str
    cookie: str
    sessions: list[str] = field(default_factory=list)

    async def come_back(self, http: aiohttp.ClientSession, url: str) -> Answer:
        """Bring the provider's answer to this instance; each call with the same cookie and the same code."""
        headers = {"Cookie": self.cookie}
        async with http.get(f"{url}{self.path}", headers=headers, allow_redirects=False) as answer:
            given = [value.split(";", 1)[0] for value in answer.headers.getall("Set-Cookie", [])]
            sessions = [pair for pair in given if pair.startswith("keyledger-session=") and not pair.endswith('""')]
            self.sessions += sessions
            name = answer.headers.get("X-Request-Id", "")
            return Answer(answer.status, sessions[0] if sessions else None, name, await answer.text())


async def begin(http: aiohttp.ClientSession, url: str, person: str, slug: str = SLUG) -> Visit:
    """Begin a sign-in of this person (the local part of the address) at an instance."""
    async with http.get(f"{url}/api/sso/initiate/{slug}", allow_redirects=False) as answer:
        if answer.status != 302:
            raise web.HTTPException(reason=str(answer.status))
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        cookies = "; ".join(value.split(";", 1)[0] for value in answer.headers.getall("Set-Cookie"))
    code = code_for(f"00u-{person}", f"{person}@acme.example", query["nonce"][0])
    returned = urlencode({"code": code, "state": query["state"][0]})
    return Visit(f"/api/sso/callback/{slug}?{returned}", cookies)


async def opens(http: aiohttp.ClientSession, url: str, session: str) -> bool:
    """Whether this session's cookie is a signed-in person's at this instance."""
    async with http.get(f"{url}/api/session", headers={"Cookie": session}) as answer:
        assert answer.status in {200, 401}, await answer.text()
        return answer.status == 200


@dataclass(frozen=True)
class Api:
    """The management API, as a program with a token uses it."""

    http: aiohttp.ClientSession
    token: str

    async def call(self, method: str, address: str, body: object = None, **headers: str) -> tuple[int, Json]:
        """Send a request to an address below an instance's /api/v1. Returns the status and the JSON."""
        sent = {"Authorization": f"Bearer {self.token}", **{key.replace("_", "-"): one for key, one in headers.items()}}
        async with self.http.request(method, address, json=body, headers=sent) as answer:
            return answer.status, await answer.json(content_type=None)

    async def done(self, method: str, address: str, body: object = None) -> Json:
        """Send a request that has to be granted, and return its JSON."""
        status, told = await self.call(method, address, body)
        assert status < 300, told
        return told

    async def set_up(self, url: str, issuer: str, slug: str = SLUG) -> None:
        """Register a workspace whose people sign in at the provider."""
        credentials = {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        events = [
            {"type": "DomainAdded", "data": {"domain": "acme.example"}},
            {"type": "CredentialsSet", "data": {**credentials, "email_verified": "ignore"}},
            {"type": "SsoEnabled", "data": {}},
        ]
        await self.done("POST", f"{url}/api/v1/workspaces", {"slug": slug, "name": "Acme", "plan": "one"})
        await self.done("POST", f"{url}/api/v1/workspaces/{slug}/events", events)

    async def items(self, address: str) -> list[Json]:
        """Return all items of a list, page by page."""
        found: list[Json] = []
        following: str | None = None
        while True:
            more = "" if following is None else f"&cursor={following}"
            page = await self.done("GET", f"{address}?limit=200{more}")
            found += page["items"]
            following = page["next"]
            if following is None:
                return found


@asynccontextmanager
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps no cookies and no connections, as many people behind one address look."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield http
