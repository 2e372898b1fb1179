"""What a provider cannot do to accounts that are not its own, and a stranger not to a browser."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from support.browser import shown_reason
from support.site import Site

FOREIGN = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


async def test_c15_a_provider_vouches_for_nobody_of_another_workspaces_domain(site: Site) -> None:
    """Not for a new person, and not for one whom the other workspace knows by that very address and subject."""
    await site.connect("globex", domain="globex.example")
    ada = site.browser()
    assert (await site.sign_in(ada)).status == 303
    answer = await site.sign_in(site.browser(), "/api/sso/initiate/globex")
    assert await shown_reason(answer) == "domain_not_allowed"
    assert await site.reasons() == ["ok", "domain_not_allowed"]
    session = await (await ada.get("/api/session")).json()
    assert [one["slug"] for one in session["workspaces"]] == ["acme"]


async def test_c16_a_new_subject_with_a_members_address_does_not_take_the_account_over(site: Site) -> None:
    """As when somebody was deleted and made anew in Okta, or an address was given to somebody else."""
    await site.sign_in(site.browser())
    site.provider.person["sub"] = "00u18newada"
    newcomer = site.browser()
    answer = await site.sign_in(newcomer)
    assert await shown_reason(answer) == "identity_conflict"
    assert "Support’s turn" in await answer.text()
    assert (await newcomer.get("/api/session")).status == 401
    assert await site.reasons() == ["ok", "identity_conflict"]


async def test_b30_who_comes_is_who_the_provider_says_and_not_who_was_hinted_at(site: Site) -> None:
    """A shared computer: Okta's session is Grace's, whoever asked to sign in; the page and the row name Grace alone."""
    site.provider.person = {"sub": "00u18grace", "name": "Grace", "email": "grace@acme.example"}
    browser = site.browser()
    assert (await site.sign_in(browser, "/api/sso/initiate/acme?login_hint=ada@acme.example")).status == 303
    (row,) = await site.sign_ins()
    assert (row["reason"], row["email"]) == ("ok", "grace@acme.example")
    page = await (await browser.get("/account")).text()
    assert "grace@acme.example" in page
    assert "ada@acme.example" not in page


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a11_a_start_from_another_site_signs_nobody_in_and_a_strangers_answer_is_nobodys(
    site: Site, method: str
) -> None:
    victim, attacker = site.browser(), site.browser()
    started = await victim.send(method, "/api/sso/initiate/acme", headers=FOREIGN)
    assert started.status in {302, 303}
    assert not victim.named("session")
    attackers = parse_qs(urlsplit(await site.back(attacker)).query)
    state = parse_qs(urlsplit(started.headers["Location"]).query)["state"][0]
    injected = urlencode({"code": attackers["code"][0], "state": attackers["state"][0]})
    answer = await victim.get(f"/api/sso/callback/acme?{injected}")
    assert await shown_reason(answer) == "attempt_missing"
    mixed = urlencode({"code": attackers["code"][0], "state": state})
    answer = await victim.get(f"/api/sso/callback/acme?{mixed}")
    assert await shown_reason(answer) == "code_rejected"
    assert not victim.named("session")


async def test_c17_groups_of_any_shape_and_number_change_nothing(site: Site) -> None:
    for groups in ("admins", ["admins", 1, None, {}], [f"group-{number}" for number in range(2000)], {"a": "b"}):
        site.provider.claim_changes = {"groups": groups}
        browser = site.browser()
        assert (await site.sign_in(browser)).status == 303
        session = await (await browser.get("/api/session")).json()
        assert session["workspaces"] == [{"slug": "acme", "role": "editor", "websites": "all"}]
