"""What an attempt is bound to: workspace, credentials, issuer, the browser's verifier, the service's own address."""

from urllib.parse import quote, urlencode

import pytest
from support.browser import shown_reason
from support.callback import CALLBACK, fields_of, refused
from support.desks import DESK, owner, record, staged_id, typed
from support.site import Site

from events.catalogue.configuration import WorkspaceClosed
from service.web.flow import FLOW


async def test_a03_an_attempt_of_one_workspace_is_foreign_to_another(site: Site) -> None:
    await site.connect("globex", domain="globex.example")
    browser = site.browser()
    back = await site.back(browser)
    await refused(site, await browser.get(back.replace("/acme?", "/globex?")), "attempt_foreign")
    assert (await browser.get(back)).status == 303


@pytest.mark.parametrize("place", ["%00", "acme%00", "ACME", "%F0%9F%94%91", "a" * 300])
async def test_a03_an_attempt_is_foreign_to_what_is_no_workspaces_name(site: Site, place: str) -> None:
    """Told like another workspace's, whatever the address holds, and not used up by it."""
    browser = site.browser()
    back = await site.back(browser)
    answer = await browser.get(back.replace("/acme?", f"/{place}?"))
    assert (answer.status, await shown_reason(answer)) == (400, "attempt_foreign")
    assert (await browser.get(back)).status == 303


async def test_a04_a_code_is_never_sent_to_another_workspaces_provider(site: Site) -> None:
    """A provider that bounces the browser to an honest one gets its answer at the honest one's redirect URI."""
    await site.connect("mallory", domain="mallory.example")
    browser = site.browser()
    attack = fields_of(await site.to_provider(browser, "/api/sso/initiate/mallory"))
    answer = await browser.get(f"{CALLBACK}?{urlencode({'code': 'honest', 'state': attack['state']})}")
    await refused(site, answer, "attempt_foreign")


async def test_an_attempt_that_is_not_of_our_sealing_is_foreign(site: Site) -> None:
    browser = site.browser()
    back = await site.back(browser)
    for name in browser.cookies:
        browser.cookies[name] = "planted"
    await refused(site, await browser.get(back), "attempt_foreign")


@pytest.mark.parametrize("changes", [{"credentials_id": "c-2"}, {"client_id": "0oa-other", "credentials_id": "c-3"}])
async def test_a05_an_attempt_does_not_outlive_its_credentials(site: Site, changes: dict[str, str]) -> None:
    browser = site.browser()
    back = await site.back(browser)
    await site.replace_credentials(**changes)
    text = await refused(site, await browser.get(back), "attempt_expired")
    assert "changed" in text


async def test_a05_nor_the_end_of_sso(site: Site) -> None:
    browser = site.browser()
    back = await site.back(browser)
    await site.disable()
    await refused(site, await browser.get(back), "workspace_unavailable")


@pytest.mark.parametrize("issuer", ["https://evil.example", "", "{issuer}/"])
async def test_a06_an_answer_from_another_issuer_is_refused(site: Site, issuer: str) -> None:
    browser = site.browser()
    back = await site.back(browser)
    given = quote(issuer.format(issuer=site.provider.issuer), safe="")
    await refused(site, await browser.get(f"{back}&iss={given}"), "issuer_mismatch")


async def test_a06_an_issuer_announced_and_not_given_is_refused(site: Site) -> None:
    site.provider.metadata_changes = {"authorization_response_iss_parameter_supported": True}
    browser = site.browser()
    await refused(site, await site.sign_in(browser), "issuer_mismatch")


async def test_a06_the_right_issuer_is_accepted_announced_or_not(site: Site) -> None:
    browser = site.browser()
    back = await site.back(browser)
    assert (await browser.get(f"{back}&iss={quote(site.provider.issuer, safe='')}")).status == 303


async def test_a06_errors_are_held_to_the_issuer_too(site: Site) -> None:
    browser = site.browser()
    state = fields_of(await site.to_provider(browser))["state"]
    answer = await browser.get(f"{CALLBACK}?error=access_denied&state={state}&iss=https://evil.example")
    await refused(site, answer, "issuer_mismatch")


async def test_a07_an_injected_code_fails_at_the_verifier(site: Site) -> None:
    attacker, victim = site.browser(), site.browser()
    stolen = fields_of(await site.back(victim))["code"]
    own = fields_of(await site.back(attacker))
    answer = await attacker.get(f"{CALLBACK}?{urlencode({'code': stolen, 'state': own['state']})}")
    await refused(site, answer, "code_rejected", exchanged=1)


async def test_b08_an_attempt_from_before_the_service_moved_is_foreign(site: Site) -> None:
    """Its code was issued for the redirect URI of the old address (RFC 6749 4.1.3)."""
    browser = site.browser()
    back = await site.back(browser)
    assert site.client.app is not None
    site.client.app[FLOW].callback._public_url = "https://moved.example"
    assert await shown_reason(await browser.get(back)) == "attempt_foreign"
    assert site.provider.requests("token") == []


async def test_an_attempt_at_a_workspace_that_the_log_does_not_know_finds_none(site: Site) -> None:
    """As after a restore to before it was registered."""
    assert site.client.app is not None
    browser, cookies = site.browser(), site.client.app[FLOW].cookies
    back = await site.back(browser)
    [(name, value)] = browser.cookies.items()
    attempt = cookies.find(f"{name}={value}", fields_of(back)["state"])[1]
    assert attempt is not None
    elsewhere = attempt._replace(slug="gone", redirect_uri=attempt.redirect_uri.replace("/acme", "/gone"))
    browser.cookies[name] = (cookies.keep(elsewhere) or "").partition(";")[0].removeprefix(f"{name}=")
    answer = await browser.get(back.replace("/acme?", "/gone?"))
    assert (await shown_reason(answer), site.provider.requests("token")) == ("workspace_unavailable", [])


async def test_a05_a_test_does_not_outlive_its_workspace(desk: Site) -> None:
    browser = await owner(desk)
    await record(desk, "CredentialsStaged", typed(desk, "new"))
    begun = await browser.submit(f"{DESK}/test", {"credentials": await staged_id(desk)})
    back = await desk.provider.log_in(begun.headers["Location"])
    await desk.world.append("acme", [WorkspaceClosed()])
    asked = len(desk.provider.requests("token"))
    assert await shown_reason(await browser.get(back)) == "workspace_unavailable"
    assert len(desk.provider.requests("token")) == asked
