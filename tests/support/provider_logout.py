"""Logouts that a provider tells of: its logout tokens, right and wrong, and the requests that bring them."""

import secrets
from typing import Any

import aiohttp
from aiohttp import ClientResponse
from support.browser import Browser
from support.okta import changed
from support.provider import FakeProvider
from support.site import Site
from support.tokens import Json, sign

EVENT = "http://schemas.openid.net/event/backchannel-logout"
SID = "sid-of-the-first-browser"
NULL = object()
"""Stands for a claim that is there and null."""


def logout_claims(provider: FakeProvider, **changes: Any) -> Json:
    """Return the claims of a right logout token for the provider's person; changed as ``changed`` does, or NULL."""
    now = int(provider.now())
    right = {
        "iss": provider.issuer,
        "aud": provider.client_id,
        "sub": provider.person["sub"],
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_urlsafe(16),
        "events": {EVENT: {}},
        "unknown": "to be ignored",
    }
    return {name: None if value is NULL else value for name, value in changed(right, changes).items()}


def logout_token(
    provider: FakeProvider, *, header: Json | None = None, key: Any = None, alg: str = "RS256", **changes: Any
) -> str:
    """Return a signed logout token, with changed claims, header, key or algorithm."""
    signer = key or provider.signing_key
    right = {"kid": signer.kid, "alg": alg, "typ": "logout+jwt"}
    return sign(changed(right, header or {}), logout_claims(provider, **changes), signer, alg)


async def post_token(site: Site, token: str, slug: str = "acme") -> ClientResponse:
    """Post a logout token as a provider does: no browser, no cookie, no origin."""
    return await site.client.post(f"/api/sso/backchannel-logout/{slug}", data={"logout_token": token})


async def signed_in(site: Site, *, sid: str | None = None, slug: str = "acme") -> Browser:
    """Return a browser in which the provider's person has signed in, in a session there of this name."""
    site.provider.claim_changes = {} if sid is None else {"sid": sid}
    browser = site.browser()
    answer = await site.sign_in(browser, f"/api/sso/initiate/{slug}")
    assert answer.status == 303, await answer.text()
    return browser


async def is_signed_in(browser: Browser) -> bool:
    """Whether the browser's session is a signed-in person's."""
    return (await browser.get("/api/session")).status == 200


async def sign_out_at_provider(location: str) -> str:
    """Open the provider's sign-out as a browser does, and return where it sends the browser."""
    async with aiohttp.ClientSession() as tab, tab.get(location, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        return answer.headers["Location"]
