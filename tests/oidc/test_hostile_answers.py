"""Whole logins at a provider that answers one of its four requests as nobody should."""

import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from support import raw_socket
from support.oidc import TurnedClock, fails, sign_in
from support.provider import FakeProvider, Hook

from service.oidc.client import RelyingParty
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy

ENDPOINTS = ("discovery", "keys", "token", "userinfo")
CHUNKED = raw_socket.HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CANARY = "/canary"


def redirects(status: int) -> Hook:
    return lambda request: web.Response(status=status, headers={"Location": f"{request.url.origin()}{CANARY}"})


def answers(body: bytes, status: int = 200, **headers: str) -> Hook:
    sent = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda _: web.Response(body=body, status=status, headers=sent)


WRONGS: dict[str, tuple[Hook, str, str]] = {
    "H04 H05 a temporary redirect": (redirects(307), "provider_misconfigured", "redirect_refused"),
    "H04 H05 a lasting redirect": (redirects(308), "provider_misconfigured", "redirect_refused"),
    "H04 H05 a redirect found": (redirects(302), "provider_misconfigured", "redirect_refused"),
    "H11 a connection reset": (raw_socket.resets(), "provider_unreachable", "connection_failed"),
    "H11 nothing at all": (raw_socket.says(), "provider_unreachable", "connection_failed"),
    "H11 no HTTP": (raw_socket.says(b"220 mail.acme.example ESMTP\r\n"), "provider_unreachable", "connection_failed"),
    "H11 an answer cut short": (
        raw_socket.says(raw_socket.HEAD + b"Content-Length: 100\r\n\r\n{"),
        "provider_unreachable",
        "connection_failed",
    ),
    "H11 a chunk of no size": (raw_socket.says(CHUNKED + b"zz\r\n"), "provider_unreachable", "connection_failed"),
    "H13 compressed": (
        answers(gzip.compress(b'{"a":"' + b"a" * 5_000_000 + b'"}'), Content_Encoding="gzip"),
        "provider_misconfigured",
        "answer_compressed",
    ),
    "H13 without an end": (raw_socket.floods(b" " * 65536), "provider_misconfigured", "answer_too_large"),
    "H14 a body that drips": (raw_socket.drips(CHUNKED, b"1\r\n \r\n"), "provider_unreachable", "timeout"),
    "H14 a header that drips": (raw_socket.drips(b"HTTP/1.1 200 OK\r\nX-A: ", b"x"), "provider_unreachable", "timeout"),
    "H12 too many requests": (
        answers(b'{"errorCode":"E0000047"}', 429, X_Rate_Limit_Reset="1"),
        "provider_unreachable",
        "rate_limited",
    ),
}


@pytest.fixture
async def impatient(clock: TurnedClock) -> AsyncIterator[RelyingParty]:
    """A relying party that gives a provider up sooner than the service does."""
    async with ProviderClient(ProviderPolicy(allow_loopback=True), clock=clock, timeout_s=0.4) as http:
        yield RelyingParty(http, clock)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("row", WRONGS)
async def test_an_answer_that_nobody_should_give_ends_the_login_with_its_cause(
    impatient: RelyingParty, provider: FakeProvider, row: str, endpoint: str
) -> None:
    """Nothing is sent to where an answer points, and a code goes out once.

    The client's library asks once more for a document when a connection that it kept open breaks off.
    """
    hook, reason, detail = WRONGS[row]
    provider.claim_changes = {"email": None}
    provider.hooks[endpoint] = hook
    failed = await fails(sign_in(impatient, provider))
    assert (failed.reason, failed.detail) == (reason, detail)
    asked = [request.endpoint for request in provider.received]
    assert asked.count(endpoint) == 1 or (detail == "connection_failed" and endpoint != "token")
    assert asked.count(endpoint) <= 2
    assert asked[-1] == endpoint


async def test_h16_the_cookies_that_okta_sets_are_sent_back_nowhere(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    provider.claim_changes = {"email": None}
    await sign_in(relying_party, provider)
    own = [request for request in provider.received if request.endpoint != "authorize"]
    assert len(own) == 4
    assert not [request for request in own if "Cookie" in request.headers]


async def test_c11_no_age_and_no_class_of_authentication_is_asked_for_so_that_none_is_demanded(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    """OIDC Core 3.1.3.7 holds both against those who asked for them; here the customer's own policy decides."""
    provider.claim_changes = {"auth_time": 1, "acr": None}
    assert (await sign_in(relying_party, provider)).subject == "00u17ada1acme"
    (asked,) = provider.requests("authorize")
    assert not {"max_age", "acr_values", "prompt", "claims"} & asked.query.keys()
