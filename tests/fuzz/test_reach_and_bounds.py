"""While providers misbehave: no connection but to the provider's own address, and bounds on time and memory."""

import asyncio
import resource
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Self

import pytest
from aiohttp import web
from support.oidc import TurnedClock, fails, sign_in
from support.outgoing import Outgoing, recorded_connections
from support.provider import FakeProvider, Hook
from support.tokens import jwk_set, rsa_key

from service.oidc.client import RelyingParty
from service.oidc.errors import OidcError
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy

ENDS_WITHIN_S: Final = 10.0
MOST_MEMORY_KIB: Final = 64 * 1024

CANARY_HOST: Final = "127.0.0.2"
"""Where providers may live in development too, so that only what they announce and answer keeps it uncalled."""

Scenario = Callable[[FakeProvider, str], None]


class Canary:
    """A server of somebody else's, which nobody has a reason to call."""

    def __init__(self) -> None:
        self.called: list[str] = []

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, CANARY_HOST, 0).start()
        self.port: int = self._runner.addresses[0][1]
        self.origin = f"http://{CANARY_HOST}:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.called.append(request.path)
        return web.json_response(jwk_set(rsa_key("attacker")))


def redirecting(endpoint: str, status: int) -> Scenario:
    def set_up(provider: FakeProvider, away: str) -> None:
        provider.hooks[endpoint] = lambda _: web.Response(status=status, headers={"Location": f"{away}/{endpoint}"})

    return set_up


def announcing(**members: str) -> Scenario:
    def set_up(provider: FakeProvider, away: str) -> None:
        provider.metadata_changes = {name: path.replace("{away}", away) for name, path in members.items()}

    return set_up


def claiming(**claims: Any) -> Scenario:
    def set_up(provider: FakeProvider, away: str) -> None:
        sources = {"src1": {"endpoint": f"{away}/claims", "access_token": "x"}}
        provider.claim_changes = {"_claim_names": {"email": "src1"}, "_claim_sources": sources, "email": None, **claims}
        provider.userinfo_changes = dict(provider.claim_changes)

    return set_up


def heading(name: str) -> Scenario:
    def set_up(provider: FakeProvider, away: str) -> None:
        provider.header_changes = {name: f"{away}/keys"}

    return set_up


def with_fields(provider: FakeProvider, away: str) -> None:
    fields = {"Refresh": f"0; url={away}/", "Link": f"<{away}/keys>; rel=jwks_uri", "Alt-Svc": f'h2="{away}"'}

    def answer(_: web.Request) -> web.Response:
        return web.json_response(provider.metadata(), headers={**fields, "Content-Location": f"{away}/"})

    provider.hooks["discovery"] = answer


SCENARIOS: dict[str, Scenario] = {
    **{
        f"H04 H05 {endpoint} redirects by {status}": redirecting(endpoint, status)
        for endpoint in ("discovery", "keys", "token", "userinfo")
        for status in (301, 302, 303, 307, 308)
    },
    "H06 another issuer": announcing(issuer="{away}"),
    "H07 keys elsewhere": announcing(jwks_uri="{away}/keys"),
    "H07 token elsewhere": announcing(token_endpoint="{away}/token"),
    "H07 userinfo elsewhere": announcing(userinfo_endpoint="{away}/userinfo"),
    "H07 keys by a name": announcing(jwks_uri="http://localhost:1/keys"),
    "H07 keys at the metadata service": announcing(jwks_uri="http://169.254.169.254/keys"),
    "H07 keys in a file": announcing(jwks_uri="file:///etc/passwd"),
    "H07 with userinfo in the address": announcing(jwks_uri="http://127.0.0.1@evil.example/keys"),
    "J06 jku": heading("jku"),
    "J06 x5u": heading("x5u"),
    "distributed claims": claiming(),
    "a picture": claiming(picture="http://169.254.169.254/latest", profile="http://evil.example/"),
    "header fields that point elsewhere": with_fields,
}


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    """A server that has to stay uncalled."""
    async with Canary() as running:
        yield running


@pytest.mark.parametrize("row", SCENARIOS)
async def test_no_connection_leaves_but_to_the_providers_own_address(canary: Canary, row: str) -> None:
    clock = TurnedClock()
    async with FakeProvider(now=lambda: clock().timestamp()) as provider:
        provider.userinfo_changes = {}
        provider.claim_changes = {"email": None}
        SCENARIOS[row](provider, canary.origin)
        async with ProviderClient(ProviderPolicy(allow_loopback=True), clock=clock, timeout_s=2.0) as http:
            with recorded_connections() as outgoing:
                await settled(sign_in(RelyingParty(http, clock), provider))
        assert canary.called == []
        assert outgoing.connections, "the provider was asked at least once"
        assert set(outgoing.connections) == {("127.0.0.1", provider.port)}
        assert names_beside(outgoing) == set()


async def settled(login: Awaitable[object]) -> None:
    """Wait for a login, whether it succeeds or is refused."""
    try:
        await login
    except (OidcError, AssertionError):
        # The provider keeps the browser where nothing was asked of it, which the fake one asserts.
        return


def names_beside(outgoing: Outgoing) -> set[str]:
    return set(outgoing.names) - {"127.0.0.1"}


async def test_the_recorder_hears_of_a_connection(canary: Canary) -> None:
    with recorded_connections() as outgoing:
        _, writer = await asyncio.open_connection(CANARY_HOST, canary.port)
        writer.close()
        with socket.socket() as plain:
            plain.connect((CANARY_HOST, canary.port))
    assert outgoing.connections == [(CANARY_HOST, canary.port)] * 2


async def drip(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    try:
        while True:
            await answer.write(b" ")
            await asyncio.sleep(0.2)
    except ConnectionError:
        return answer


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    try:
        while True:
            await answer.write(b"[" * 65_536)
    except ConnectionError:
        return answer


async def silent(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


def many_keys(_: web.Request) -> web.Response:
    return web.json_response({"keys": [{"kty": "RSA", "kid": str(number)} for number in range(10_000)]})


def deep(_: web.Request) -> web.Response:
    return web.Response(body=b'{"a":' * 100_000, content_type="application/json")


BURDENS: dict[str, Hook] = {
    "drips": drip,
    "never ends": endless,
    "says nothing": silent,
    "holds 10 000 keys": many_keys,
    "is deep": deep,
}


async def burdened(relying_party: RelyingParty, clock: TurnedClock, endpoint: str, burden: str) -> OidcError:
    """Have one sign-in meet one burden. Return how it is refused."""
    async with FakeProvider(now=lambda: clock().timestamp(), hooks={endpoint: BURDENS[burden]}) as provider:
        provider.claim_changes = {"email": None}
        begun = time.monotonic()
        error = await fails(sign_in(relying_party, provider))
        assert time.monotonic() - begun < ENDS_WITHIN_S, (endpoint, burden)
        return error


async def test_every_burden_at_every_endpoint_is_refused_within_ten_seconds_and_64_mib() -> None:
    """All at once and through one client, as many tenants' broken providers would come."""
    clock, before = TurnedClock(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    endpoints = ("discovery", "keys", "token", "userinfo")
    async with ProviderClient(ProviderPolicy(allow_loopback=True), clock=clock) as http:
        logins = [
            burdened(RelyingParty(http, clock), clock, endpoint, burden) for endpoint in endpoints for burden in BURDENS
        ]
        errors = await asyncio.gather(*logins)
    assert {error.reason for error in errors} <= {
        "provider_unreachable",
        "provider_misconfigured",
        "provider_error",
        "userinfo_invalid",
    }
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY_KIB
