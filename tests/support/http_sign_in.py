"""Sign-ins at the running service over plain HTTP, as a browser without scripts makes them."""

import re
from dataclasses import dataclass
from typing import Any

import aiohttp
from support.service import RunningService

Json = dict[str, Any]


@dataclass(frozen=True)
class Landing:
    """Where a callback led: to ``location``, or to a page about ``reason`` that names ``request_id``."""

    status: int
    location: str | None
    reason: str | None
    request_id: str
    text: str


async def connect(
    service: RunningService, slug: str, issuer: str, client_id: str, client_secret: str, **credentials: object
) -> None:
    """Register a workspace whose people sign in at this provider; ``credentials`` are more members of them."""
    await service.call("POST", "/workspaces", {"slug": slug, "name": "Acme", "plan": "one"})
    given = {"issuer": issuer, "client_id": client_id, "client_secret": client_secret, "email_verified": "ignore"}
    await service.record(
        slug, ("DomainAdded", {"domain": "acme.example"}), ("CredentialsSet", given | credentials), ("SsoEnabled", {})
    )


async def to_provider(browser: aiohttp.ClientSession, service: RunningService, slug: str) -> str:
    """Begin a sign-in from the login link. Return the address at the provider."""
    async with browser.get(service.initiate_uri(slug), allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        return answer.headers["Location"]


async def come_back(browser: aiohttp.ClientSession, address: str | None) -> Landing:
    """Open the callback that the provider redirected to."""
    assert address is not None, "the provider keeps the person"
    async with browser.get(address, allow_redirects=False) as answer:
        return await _landing(answer)


async def come_back_by_form(browser: aiohttp.ClientSession, address: str, fields: Json) -> Landing:
    """Post the provider's answer to the callback as another site's page does: the attempt's cookie stays behind."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as other_site,
        other_site.post(address, data=fields, headers={"Origin": "null"}, allow_redirects=False) as answer,
    ):
        assert answer.status == 303, await answer.text()
        location = answer.headers["Location"]
    return await come_back(
        browser, location if location.startswith("http") else address.partition("/api/")[0] + location
    )


async def signed_in_as(browser: aiohttp.ClientSession, service: RunningService, slug: str) -> str | None:
    """Return the address as which this browser is signed in to the workspace, if it is."""
    async with browser.get(f"{service.url}/api/session") as answer:
        if answer.status == 401:
            return None
        told: Json = await answer.json()
    return str(told["user"]["email"]) if slug in {one["slug"] for one in told["workspaces"]} else None


async def _landing(answer: aiohttp.ClientResponse) -> Landing:
    text = await answer.text()
    found = re.search(r'data-reason="([a-z_]+)"', text)
    name = answer.headers.get("X-Request-Id", "")
    return Landing(answer.status, answer.headers.get("Location"), found[1] if found else None, name, text)
