"""Opening a workspace: what a session opens already, and what signing in by that workspace's SSO adds to it."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID

import pytest
from aiohttp import ClientResponse
from support.browser import Browser
from support.identity_values import Proven
from support.identity_world import live
from support.sessions import member_too, open_by, user_of
from support.site import Site

from events.catalogue.access import BypassGranted, BypassRevoked, EnforcementDisabled, EnforcementEnabled, SsoDisabled
from events.catalogue.instants import write_instant

SESSION = "__Host-keyledger-session"
TARGET = "https://app.example/reports?q=1"


async def opened(browser: Browser) -> list[str]:
    answer = await browser.get("/api/session")
    return [one["slug"] for one in (await answer.json()).get("workspaces", [])]


async def sign_in_by(site: Site, browser: Browser, user_id: UUID, **values: Any) -> None:
    """Have the browser come with a session that another method than SSO has opened."""
    browser.cookies[SESSION] = (await open_by(site.world, user_id, **values)).token


async def ada(site: Site) -> UUID:
    """Make Ada a member of acme and of globex, with a mailbox of her own. Returns her user's id."""
    await site.connect("globex", domain="acme.example")
    user_id = await user_of(site.world, await site.world.member(proven=True))
    await member_too(site.world, user_id, "globex")
    return user_id


async def leads_to(browser: Browser, slug: str, target: str | None = None) -> str:
    query = "" if target is None else f"?target={quote(target, safe='')}"
    answer = await browser.get(f"/open/{slug}{query}")
    assert answer.status == 303, await answer.text()
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.headers["Location"]


def at_initiate(location: str) -> tuple[str, dict[str, list[str]]]:
    parts = urlsplit(location)
    return parts.path, parse_qs(parts.query)


async def test_a_workspace_that_the_session_opens_is_gone_to_at_once(site: Site) -> None:
    browser = site.browser()
    await site.sign_in(browser)
    assert await leads_to(browser, "acme") == "https://app.example/home"
    assert await leads_to(browser, "acme", TARGET) == TARGET


@pytest.mark.parametrize(
    "hostile", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "https://app.example@evil.example/"]
)
async def test_only_registered_origins_are_targets(site: Site, hostile: str) -> None:
    browser = site.browser()
    await site.sign_in(browser)
    assert await leads_to(browser, "acme", hostile) == "https://app.example/home"
    await site.connect("globex")
    assert at_initiate(await leads_to(browser, "globex", hostile)) == ("/api/sso/initiate/globex", {})
    assert await leads_to(site.browser(), "acme", hostile) == "/login?workspace=acme"


async def test_nobody_signed_in_goes_to_the_login_page_and_keeps_the_target(site: Site) -> None:
    location = await leads_to(site.browser(), "acme", TARGET)
    assert urlsplit(location).path == "/login"
    assert parse_qs(urlsplit(location).query) == {"workspace": ["acme"], "target_link_uri": [TARGET]}


async def test_a_workspace_that_requires_sso_is_opened_by_it_and_the_rest_stays_open(site: Site) -> None:
    """Step-up: through the workspace's provider and back to where the person wanted to go; nothing is lost."""
    user_id, browser = await ada(site), site.browser()
    await sign_in_by(site, browser, user_id)
    await site.world.append("globex", [EnforcementEnabled()])
    assert await opened(browser) == ["acme"]
    location = await leads_to(browser, "globex", TARGET)
    path, query = at_initiate(location)
    assert (path, query) == ("/api/sso/initiate/globex", {"target_link_uri": [TARGET]})
    answer = await site.sign_in(browser, location)
    assert (answer.status, answer.headers["Location"]) == (303, TARGET)
    assert await opened(browser) == ["acme", "globex"]
    assert await leads_to(browser, "globex", TARGET) == TARGET


async def test_stepping_up_as_another_person_asks_first(site: Site) -> None:
    """Globex's provider says that this is Grace: Ada's session is not hers to add to."""
    user_id, browser = await ada(site), site.browser()
    await sign_in_by(site, browser, user_id)
    site.provider.person = {"sub": "00u-grace", "name": "Grace", "email": "grace@acme.example"}
    answer = await site.sign_in(browser, "/api/sso/initiate/globex")
    assert answer.status == 200
    assert "/sign-in/switch" in await answer.text()
    assert await opened(browser) == ["acme", "globex"]
    session = await (await browser.get("/api/session")).json()
    assert session["user"]["id"] == str(user_id)


async def test_a_workspace_without_sso_is_opened_from_the_login_page(site: Site) -> None:
    """A session by acme's SSO does not open globex, which has none: the person signs in another way."""
    await site.connect("globex")
    await site.world.append("globex", [SsoDisabled()])
    browser = site.browser()
    await site.sign_in(browser)
    assert await leads_to(browser, "globex") == "/login?workspace=globex"


async def test_the_answer_does_not_tell_of_memberships_that_the_session_may_not_know(site: Site) -> None:
    """The same for a workspace that the person is a member of and for one that they are not."""
    await ada(site)
    await site.connect("initech")
    browser = site.browser()
    await site.sign_in(browser)
    assert [await leads_to(browser, slug) for slug in ("globex", "initech", "nowhere")] == [
        "/api/sso/initiate/globex",
        "/api/sso/initiate/initech",
        "/login?workspace=nowhere",
    ]


@pytest.mark.parametrize("slug", ["Acme", "a", "-acme", "acme%0d%0aSet-Cookie:%20a=b", "x" * 64])
async def test_what_can_be_no_workspace_is_told_so(site: Site, slug: str) -> None:
    answer = await site.browser().get(f"/open/{slug}")
    assert answer.status in {400, 404}
    assert "Location" not in answer.headers


async def account(browser: Browser) -> str:
    answer: ClientResponse = await browser.get("/account")
    assert answer.status == 200
    return await answer.text()


async def test_the_account_page_lists_workspaces_by_name_and_how_to_open_the_others(site: Site) -> None:
    user_id, browser = await ada(site), site.browser()
    await sign_in_by(site, browser, user_id)
    await site.world.append("globex", [EnforcementEnabled()])
    text = await account(browser)
    assert "<strong>Acme</strong>" in text
    assert "<strong>Globex</strong>" in text
    assert 'href="/open/globex"' in text
    assert 'href="/open/acme"' not in text
    await site.sign_in(browser, "/api/sso/initiate/globex")
    assert 'href="/open/globex"' not in await account(browser)


async def test_a_session_by_sso_alone_is_not_told_of_the_persons_other_workspaces(site: Site) -> None:
    """Whoever administers one workspace's provider does not learn where else its people are members, nor as whom."""
    user_id, hidden = await ada(site), ("Globex", "globex", "Ada King", "private@ada.example")
    await site.world.pool.execute(
        "update identity.users set name = 'Ada King', email = $1, email_key = $1 where user_id = $2",
        hidden[-1],
        user_id,
    )
    browser = site.browser()
    await site.sign_in(browser)
    text = await account(browser)
    assert "Acme" in text
    assert not [one for one in hidden if one in text]
    user = (await (await browser.get("/api/session")).json())["user"]
    assert user == {"id": str(user_id), "email": "ada@acme.example", "name": "Ada"}
    await sign_in_by(site, browser, user_id)
    assert "Globex" in await account(browser)


async def test_signing_out_everywhere_from_a_session_by_sso_ends_what_that_connection_opened(site: Site) -> None:
    """A provider's administrator could sign in as anybody of theirs, and ends nothing that was opened elsewhere."""
    user_id = await ada(site)
    here, there, elsewhere, by_mail = (site.browser() for _ in range(4))
    await site.sign_in(here)
    await site.sign_in(there)
    await site.sign_in(elsewhere, "/api/sso/initiate/globex")
    await sign_in_by(site, by_mail, user_id)
    answer = await here.submit("/logout/everywhere")
    assert "single sign-on" in await answer.text()
    assert [await opened(one) for one in (here, there, elsewhere, by_mail)] == [[], [], ["globex"], ["acme", "globex"]]
    await by_mail.submit("/logout/everywhere")
    assert await opened(elsewhere) == []


@pytest.mark.parametrize("method", ["magic_link", "google"])
async def test_a_session_that_is_open_already_does_not_open_a_workspace_that_begins_to_require_sso(
    site: Site, method: Any
) -> None:
    """Judged at every request: closed by enforcement, open again when it is lifted, whatever the method."""
    user_id, browser = await ada(site), site.browser()
    await sign_in_by(site, browser, user_id, method=method)
    assert await opened(browser) == ["acme", "globex"]
    await site.world.append(
        "acme",
        [EnforcementEnabled(confirm_within=60, confirm_by=write_instant(site.world.clock.now + timedelta(hours=1)))],
    )
    assert await opened(browser) == ["globex"]
    assert at_initiate(await leads_to(browser, "acme"))[0] == "/api/sso/initiate/acme"
    await site.world.append("acme", [EnforcementDisabled(reason="asked for")])
    assert await opened(browser) == ["acme", "globex"]


async def test_a_round_trip_that_ends_after_enforcement_began_opens_the_other_workspaces_alone(site: Site) -> None:
    """What a Google sign-in proves is judged when it is used: begun before, written after, and acme stays shut."""
    user_id, browser = await ada(site), site.browser()
    await site.world.append("acme", [EnforcementEnabled()])
    await sign_in_by(site, browser, user_id, method="google")
    assert await opened(browser) == ["globex"]


async def test_a_bypass_opens_for_its_member_by_magic_link_until_it_is_revoked(site: Site) -> None:
    user_id, browser = await ada(site), site.browser()
    member_id = str(await site.world.pool.fetchval("select member_id from identity.members where workspace = 'acme'"))
    ends = write_instant(site.world.clock.now + timedelta(hours=1))
    granted = BypassGranted(member_id=member_id, expires_at=ends, reason="phone lost")
    await site.world.append("acme", [EnforcementEnabled(), granted])
    await sign_in_by(site, browser, user_id, bypasses={"acme": ends})
    assert await opened(browser) == ["acme", "globex"]
    await site.world.append("acme", [BypassRevoked(member_id=member_id)])
    assert await opened(browser) == ["globex"]


async def test_another_persons_session_is_not_added_to(site: Site) -> None:
    """Opening by magic link with Grace's session at hand opens Ada's workspaces and nothing of Grace's."""
    user_id, browser = await ada(site), site.browser()
    grace = await site.world.sign_in(
        Proven(issuer=site.provider.issuer, subject="00u-grace", email="grace@acme.example"), slug="globex"
    )
    await sign_in_by(site, browser, user_id, held=live(grace.session))
    session = await (await browser.get("/api/session")).json()
    assert [one["method"] for one in session["authentications"]] == ["magic_link"]
    assert await site.world.pool.fetchval("select count(*) from identity.sessions") == 1
