"""What began before single sign-on was required is decided when it ends: it opens what does not require it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import orjson
import pytest
from aiohttp import ClientResponse
from support.browser import Browser, shown_reason
from support.database import Pool
from support.provider import FakeProvider
from support.sessions import member_too, user_of
from support.site import Site, running_site

from events.catalogue.access import EnforcementEnabled

ADA = "ada@acme.example"


@asynccontextmanager
async def google_beside(pool: Pool) -> AsyncIterator[tuple[Site, FakeProvider]]:
    """Run a site at which people may also sign in with Google."""
    async with FakeProvider() as google:
        google.person = {"sub": "1001", "email": ADA, "email_verified": True, "hd": "acme.example", "name": "Ada"}
        async with running_site(
            pool,
            google_issuer=google.issuer,
            google_client_id=google.client_id,
            google_client_secret=google.client_secret,
        ) as site:
            yield site, google


async def ada_of_two(site: Site) -> UUID:
    """Make Ada, whose mailbox is proven, a member of acme and of globex. Returns her user's id."""
    await site.connect()
    await site.connect("globex", domain="acme.example")
    user_id = await user_of(site.world, await site.world.member(ADA, proven=True))
    await member_too(site.world, user_id, "globex", ADA)
    return user_id


async def opened(browser: Browser) -> list[str]:
    answer = await browser.get("/api/session")
    return [one["slug"] for one in (await answer.json()).get("workspaces", [])]


async def mailed_link(site: Site, browser: Browser) -> str:
    """Ask for a link to Ada's mailbox and return its address."""
    answer = await browser.submit("/login/magic-link", {"email": ADA})
    assert answer.status == 200
    content = await site.world.pool.fetchval("select content from identity.outbox where kind = 'magic_link'")
    opened_mail = site.world.resources.box.open("outbox", content)
    assert opened_mail is not None
    link: str = orjson.loads(opened_mail)["values"]["link"]
    return link


async def require_sso(site: Site, *slugs: str) -> None:
    for slug in slugs:
        await site.world.append(slug, [EnforcementEnabled()])


async def reasons(site: Site) -> dict[str, str]:
    return {row["workspace"]: row["reason"] for row in await site.sign_ins()}


@pytest.mark.parametrize("required", [["acme"], ["acme", "globex"]], ids=["one of two", "both"])
async def test_a_link_that_was_mailed_before(pool: Pool, required: list[str]) -> None:
    async with running_site(pool) as site:
        await ada_of_two(site)
        browser = site.browser()
        link = await mailed_link(site, browser)
        await require_sso(site, *required)
        await holds_back(site, browser, await browser.submit(link), required)


@pytest.mark.parametrize("required", [["acme"], ["acme", "globex"]], ids=["one of two", "both"])
async def test_a_round_trip_to_google_that_was_under_way(pool: Pool, required: list[str]) -> None:
    async with google_beside(pool) as (site, google):
        await ada_of_two(site)
        browser = site.browser()
        begun = await browser.submit("/login/google", {})
        back = await google.log_in(begun.headers["Location"])
        await require_sso(site, *required)
        await holds_back(site, browser, await browser.get(back), required)


async def holds_back(site: Site, browser: Browser, answer: ClientResponse, required: list[str]) -> None:
    """Hold the end of a sign-in to it: it opens what does not require SSO, and a session only if that is something."""
    shut = dict.fromkeys(required, "method_not_allowed")
    assert await reasons(site) == {"acme": "ok", "globex": "ok", **shut}
    assert await opened(browser) == [slug for slug in ("acme", "globex") if slug not in required]
    if len(required) == 1:
        assert answer.status == 303
    else:
        assert await shown_reason(answer) == "method_not_allowed"
        assert await site.world.rows("sessions") == []


async def test_a_link_that_was_mailed_before_accepts_no_invitation(pool: Pool) -> None:
    async with running_site(pool) as site:
        await site.connect()
        await site.world.invitation(ADA)
        browser = site.browser()
        link = await mailed_link(site, browser)
        await require_sso(site, "acme")
        assert await shown_reason(await browser.submit(link)) == "method_not_allowed"
        assert await site.world.rows("members") == []
        assert [row["status"] for row in await site.world.rows("invitations")] == ["open"]
