"""Signing out here and, where the workspace wants it, at the provider; and the page that the provider leads back to."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from support.browser import Browser, hidden_field
from support.database import Pool
from support.identity_world import credentials_data
from support.login_links import mailed
from support.provider_logout import is_signed_in, sign_out_at_provider, signed_in
from support.site import BASE, Site, running_site

from events.catalogue.configuration import ProviderLogoutDisabled, ProviderLogoutEnabled
from events.catalogue.credentials import CredentialsSet
from service.identity.logout_hint import LONGEST_KEPT

BACK = "/api/sso/signed-out/acme"


@pytest.fixture
async def site(pool: Pool) -> AsyncIterator[Site]:
    """A site whose workspace wants people signed out at the provider too."""
    async with running_site(pool) as made:
        await made.connect()
        await made.world.append("acme", [ProviderLogoutEnabled()])
        yield made


async def leads_to_provider(site: Site, browser: Browser, address: str = "/logout") -> bool:
    """Sign out; whether that leads to the provider. It ends the session here in any case."""
    answer = await browser.submit(address)
    assert not await is_signed_in(browser)
    if answer.status == 303:
        assert answer.headers["Location"].startswith(f"{site.provider.endpoint('logout')}?")
        return True
    assert answer.status == 200
    assert "You’re signed out" in await answer.text()
    return False


async def stale_metadata(site: Site, browser: Browser) -> None:
    """Let so much time go by that the provider is asked anew, while the person stays signed in."""
    for _ in range(2):
        site.world.clock.turn(hours=7)
        assert await is_signed_in(browser)


@pytest.mark.parametrize("address", ["/logout", "/logout/everywhere"])
async def test_signing_out_leads_on_to_the_provider(site: Site, address: str) -> None:
    assert await leads_to_provider(site, await signed_in(site), address)


async def test_the_account_pages_policy_lets_the_form_lead_to_a_provider_only_where_it_may(site: Site) -> None:
    wanted = await signed_in(site)
    policy = (await wanted.get("/account")).headers["Content-Security-Policy"]
    assert "form-action 'self' https:" in policy
    await site.world.append("acme", [ProviderLogoutDisabled()])
    unwanted = await signed_in(site)
    policy = (await unwanted.get("/account")).headers["Content-Security-Policy"]
    assert policy.endswith("form-action 'self'")


async def test_whether_the_workspace_wants_it_counts_at_the_sign_out(site: Site) -> None:
    browser = await signed_in(site)
    await site.world.append("acme", [ProviderLogoutDisabled()])
    assert not await leads_to_provider(site, browser)


async def test_without_a_kept_id_token_the_session_ends_here_alone(site: Site) -> None:
    await site.world.append("acme", [ProviderLogoutDisabled()])
    browser = await signed_in(site)
    await site.world.append("acme", [ProviderLogoutEnabled()])
    assert not await leads_to_provider(site, browser)


async def test_the_page_names_no_session_elsewhere_where_there_is_none(site: Site) -> None:
    """Who came by single sign-on is still signed in there; who came by a mailed link is signed in nowhere else."""
    by_sso = await signed_in(site)
    await site.world.append("acme", [ProviderLogoutDisabled()])
    assert "at the service that you signed in with" in await (await by_sso.submit("/logout")).text()
    by_link = site.browser()
    await site.world.member("irene@acme.example")
    assert (await by_link.submit(await mailed(site, "irene@acme.example"))).status == 303
    said = await (await by_link.submit("/logout")).text()
    assert "You’re signed out" in said
    assert "goes on" not in said


async def test_an_id_token_that_no_address_could_carry_is_not_kept(site: Site) -> None:
    site.provider.claim_changes = {"groups": ["g" * LONGEST_KEPT]}
    browser = site.browser()
    await site.sign_in(browser)
    assert not await leads_to_provider(site, browser)


async def test_the_id_token_is_sealed_at_rest_and_told_to_nobody_else(site: Site) -> None:
    browser = await signed_in(site)
    answer = await browser.submit("/logout")
    (hint,) = parse_qs(urlsplit(answer.headers["Location"]).query)["id_token_hint"]
    again = await signed_in(site)
    (kept,) = [row["data"] for row in await site.world.pool.fetch("select data from identity.sessions")]
    assert '"hint"' in kept
    for part in hint.split("."):
        assert part not in kept
    assert "hint" not in await (await again.get("/api/session")).text()
    assert hint not in site.log_text()


async def test_a_provider_without_a_sign_out_is_not_gone_to(site: Site) -> None:
    site.provider.metadata_changes = {"end_session_endpoint": None}
    assert not await leads_to_provider(site, await signed_in(site))


async def test_a_provider_that_does_not_answer_keeps_nobody_from_signing_out(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.login.provider_logout.WAIT_S", 0.2)
    browser = await signed_in(site)
    hanging = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await hanging.wait()
        return web.Response()

    site.provider.hooks["discovery"] = hang
    await stale_metadata(site, browser)
    try:
        answer = await browser.submit("/logout")
        assert answer.status == 200
    finally:
        hanging.set()


async def test_s3_a_sign_out_at_another_host_is_never_gone_to(site: Site) -> None:
    """An endpoint elsewhere is refused when the metadata are read: a stranger's host gets no ID token."""
    browser = await signed_in(site)
    site.provider.metadata_changes = {"end_session_endpoint": "https://evil.example/logout"}
    await stale_metadata(site, browser)
    answer = await browser.submit("/logout")
    assert answer.status == 200
    assert "evil.example" not in str(answer.headers)


async def test_an_id_token_for_a_client_that_is_not_the_workspaces_any_more_stays_here(site: Site) -> None:
    browser = await signed_in(site)
    other = credentials_data(CredentialsSet, issuer=site.provider.issuer, client_id="0oa-other")
    await site.world.append("acme", [other])
    assert not await leads_to_provider(site, browser)


async def test_a_rotated_secret_changes_nothing_about_signing_out(site: Site) -> None:
    browser = await signed_in(site)
    await site.replace_credentials()
    assert await leads_to_provider(site, browser)


async def test_the_workspace_signed_in_to_last_decides(site: Site) -> None:
    """One browser, one person: a workspace where they sign in anew replaces what they had opened before."""
    await site.connect("globex", domain="acme.example")
    await site.world.append("globex", [ProviderLogoutEnabled()])
    browser = await signed_in(site)
    asked = await site.sign_in(browser, "/api/sso/initiate/globex")
    await browser.submit("/sign-in/switch", {"ticket": hidden_field(await asked.text(), "ticket")})
    out = await browser.submit("/logout")
    query = parse_qs(urlsplit(out.headers["Location"]).query)
    assert query["post_logout_redirect_uri"] == [f"{BASE}{BACK.replace('acme', 'globex')}"]


async def test_who_signs_in_as_somebody_else_can_sign_out_at_the_provider_too(site: Site) -> None:
    browser = await signed_in(site)
    site.provider.person = {"sub": "00u17grace", "name": "Grace", "email": "grace@acme.example"}
    asked = await site.sign_in(browser)
    switched = await browser.submit("/sign-in/switch", {"ticket": hidden_field(await asked.text(), "ticket")})
    assert switched.status == 303
    assert await leads_to_provider(site, browser)


async def test_nobody_who_is_signed_in_is_told_to_be_signed_out(site: Site) -> None:
    """Whoever sends a signed-in person to the page has ended nothing, and the page says so."""
    browser = await signed_in(site)
    answer = await browser.get(f"{BACK}?state=of-nobody")
    assert "You’re still signed in here" in await answer.text()
    assert await is_signed_in(browser)


@pytest.mark.parametrize(
    "query",
    ["", "?state=a&state=b", "?state=%00", f"?state={'s' * 3000}", "?state=%C3%A9", "?post_logout_redirect_uri=//evil"],
    ids=["none", "twice", "nul", "long", "umlaut", "other"],
)
async def test_l15_the_page_leads_nowhere_else(site: Site, query: str) -> None:
    browser = await signed_in(site)
    location = (await browser.submit("/logout")).headers["Location"]
    await sign_out_at_provider(location)
    answer = await browser.get(f"{BACK}{query}")
    text = await answer.text()
    assert answer.status == 200
    assert "Location" not in answer.headers
    assert "was asked to end the one there" not in text
    assert "evil" not in text


async def test_a_state_counts_at_its_own_workspace_and_once(site: Site) -> None:
    await site.connect("globex", domain="globex.example")
    browser = await signed_in(site)
    back = await sign_out_at_provider((await browser.submit("/logout")).headers["Location"])
    elsewhere = await browser.get(back.replace("/acme", "/globex"))
    assert "was asked to end the one there" not in await elsewhere.text()
    assert "was asked to end the one there" in await (await browser.get(back)).text()
    assert "was asked to end the one there" not in await (await browser.get(back)).text()


async def test_no_workspace_is_told_from_another_by_the_page(site: Site) -> None:
    there, nobody = await site.browser().get(BACK), await site.browser().get(BACK.replace("acme", "nobody"))
    assert there.status == nobody.status == 200
