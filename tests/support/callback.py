"""Answers at the callback of the workspace ``acme``: how they come in, and what a refused one leaves behind."""

from urllib.parse import parse_qs, urlsplit

from aiohttp import ClientResponse
from support.browser import Browser, shown_reason
from support.site import Site

CALLBACK = "/api/sso/callback/acme"
FOREIGN = {"Origin": "https://acme.okta.com", "Sec-Fetch-Site": "cross-site"}


def fields_of(address: str) -> dict[str, str]:
    """Return the parameters of an address, each given once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


async def refused(site: Site, answer: ClientResponse, reason: str, *, exchanged: int = 0) -> str:
    """Assert that nobody was signed in, for this reason, shown and logged alike. Returns the page."""
    text = await answer.text()
    assert await shown_reason(answer) == reason, text
    assert 400 <= answer.status < 500
    assert len(site.provider.requests("token")) == exchanged
    assert (await site.reasons())[-1] == reason
    assert (await site.sign_ins())[-1]["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["X-Request-Id"] in text
    assert not any("session" in header for header in answer.headers.getall("Set-Cookie", ()))
    return text


async def post(browser: Browser, data: object, *, cookies: bool, **headers: str) -> ClientResponse:
    """Post an answer as the provider's page has the browser do it, with or without our cookies."""
    return await browser.send("POST", CALLBACK, headers={**FOREIGN, **headers}, cookies=cookies, data=data)
