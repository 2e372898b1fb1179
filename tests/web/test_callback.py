"""Callback: whose attempt it is comes first, then how old it is, then one use; and how each end is told."""

import asyncio
from urllib.parse import urlencode

import pytest
from aiohttp import web
from support.browser import restart_link, shown_reason
from support.callback import CALLBACK, fields_of, refused
from support.site import BASE, Site


async def test_a01_an_answer_without_a_state_is_nobodys(site: Site) -> None:
    await refused(site, await site.browser().get(f"{CALLBACK}?code=x"), "attempt_missing")


@pytest.mark.parametrize("state", ["", "unknown", "x" * 5000, "%00", "%C3%BC", "a%0d%0ab"], ids=lambda text: text[:12])
async def test_a01_an_answer_with_a_state_of_nobodys_making(site: Site, state: str) -> None:
    await refused(site, await site.browser().get(f"{CALLBACK}?code=x&state={state}"), "attempt_missing")


@pytest.mark.parametrize("spoil", ["truncated", "longer", "last sign changed", "another case"])
async def test_a01_a_state_counts_whole_or_not_at_all(site: Site, spoil: str) -> None:
    browser = site.browser()
    fields = fields_of(await site.back(browser))
    right = fields["state"]
    spoilt = {
        "truncated": right[:-1],
        "longer": f"{right}A",
        "last sign changed": right[:-1] + ("A" if right[-1] != "A" else "B"),
        "another case": right.swapcase(),
    }
    answer = await browser.get(f"{CALLBACK}?{urlencode({**fields, 'state': spoilt[spoil]})}")
    assert await shown_reason(answer) in {"attempt_missing", "attempt_foreign"}
    assert site.provider.requests("token") == []
    assert (await browser.get(f"{CALLBACK}?{urlencode(fields)}")).status == 303


@pytest.mark.parametrize("slug", ["nobody", "off", "..%2Facme", "ACME", "m%C3%BCnchen", "x" * 1000, "%00"])
async def test_a18_an_answer_to_a_workspace_that_is_not_available_tells_nothing_of_it(site: Site, slug: str) -> None:
    """The same page as for one that is: a state of nobody's making says no more."""
    await site.connect("off", domain="off.example")
    await site.disable("off")
    answers = [await site.browser().get(f"/api/sso/callback/{one}?code=x&state=y") for one in ("acme", slug)]
    texts = [(await one.text()).replace(one.headers["X-Request-Id"], "ID") for one in answers]
    assert [one.status for one in answers] == [400, 400]
    assert texts[0] == texts[1].replace(f"/api/sso/initiate/{slug}", "/api/sso/initiate/acme")


async def test_a01_an_attempt_older_than_half_an_hour_has_expired(site: Site) -> None:
    browser = site.browser()
    back = await site.back(browser, "/api/sso/initiate/acme?target_link_uri=https://app.example/x")
    site.world.clock.turn(minutes=31)
    text = await refused(site, await browser.get(back), "attempt_expired")
    assert "target_link_uri=https%3A%2F%2Fapp.example%2Fx" in restart_link(text)


async def test_b13_an_expired_attempt_is_told_from_a_missing_one_after_its_cookie_is_gone(site: Site) -> None:
    browser = site.browser()
    back = await site.back(browser)
    browser.cookies.clear()
    await refused(site, await browser.get(back), "attempt_missing")
    site.world.clock.turn(minutes=31)
    await refused(site, await browser.get(back), "attempt_expired")


async def test_b13_a_slow_sign_in_is_waited_for(site: Site) -> None:
    browser = site.browser()
    away = await site.to_provider(browser)
    site.world.clock.turn(minutes=29)
    assert (await browser.get(await site.provider.log_in(away))).status == 303


async def test_a10_a_stranger_cannot_use_an_attempt_nor_use_it_up(site: Site) -> None:
    victim, stranger = site.browser(), site.browser()
    back = await site.back(victim)
    await site.to_provider(stranger)
    await refused(site, await stranger.get(back), "attempt_missing")
    assert (await victim.get(back)).status == 303


async def test_a02_an_attempt_is_used_once(site: Site) -> None:
    browser = site.browser()
    back = await site.back(browser)
    assert (await browser.get(back)).status == 303
    browser.cookies.clear()
    await refused(site, await browser.get(back), "attempt_used", exchanged=1)


async def test_a02_of_two_answers_at_once_one_is_exchanged(site: Site) -> None:
    browser, other_tab = site.browser(), site.browser()
    back = await site.back(browser, "/api/sso/initiate/acme?target_link_uri=https://app.example/x")
    other_tab.cookies = dict(browser.cookies)
    answers = await asyncio.gather(browser.get(back), other_tab.get(back))
    assert sorted(answer.status for answer in answers) == [303, 400]
    assert len(site.provider.requests("token")) == 1
    late = next(answer for answer in answers if answer.status == 400)
    assert await shown_reason(late) == "attempt_used"
    assert "https%3A%2F%2Fapp.example%2Fx" in restart_link(await late.text())


async def test_b12_reloading_after_the_sign_in_goes_on_to_the_application(site: Site) -> None:
    browser = site.browser()
    back = await site.back(browser)
    await browser.get(back)
    again = await browser.get(back)
    assert (again.status, again.headers["Location"]) == (303, "https://app.example/home")
    assert len(site.provider.requests("token")) == 1


async def test_b12_a_session_from_before_the_attempt_does_not_excuse_it(site: Site) -> None:
    """Going on is for the session that the attempt led to, not for any older one."""
    browser, elsewhere = site.browser(), site.browser()
    await site.sign_in(browser)
    site.world.clock.turn(minutes=5)
    back = await site.back(browser)
    elsewhere.cookies = browser.named("attempt")
    await elsewhere.get(back)
    answer = await browser.get(back)
    assert await shown_reason(answer) == "attempt_used"


async def test_a12_tabs_finish_in_either_order(site: Site) -> None:
    browser = site.browser()
    first, second = await site.back(browser), await site.back(browser)
    assert (await browser.get(second)).status == 303
    assert (await browser.get(first)).status == 303
    assert await site.reasons() == ["ok", "ok"]
    assert not browser.named("attempt")


async def test_other_methods_are_not_taken(site: Site) -> None:
    for method in ("PUT", "DELETE", "PATCH", "HEAD"):
        answer = await site.browser().send(method, CALLBACK, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status == 405


async def test_x05_proof_of_possession_left_on_is_explained(site: Site) -> None:
    site.provider.hooks["token"] = lambda _request: web.json_response(
        {"error": "invalid_dpop_proof", "error_description": "The DPoP proof JWT header is missing."}, status=400
    )
    answer = await site.sign_in(site.browser())
    text = await refused(site, answer, "provider_misconfigured", exchanged=1)
    assert "Proof of possession" in text


async def test_a_refused_person_learns_whose_turn_it_is(site: Site) -> None:
    site.provider.person["email"] = "ada@elsewhere.example"
    answer = await site.sign_in(site.browser())
    text = await answer.text()
    assert answer.status == 403
    assert await shown_reason(answer) == "domain_not_allowed"
    assert "Your turn" in text
    assert "ada@elsewhere.example" in text
    assert await site.reasons() == ["domain_not_allowed"]


async def test_c18_what_a_provider_says_is_escaped(site: Site) -> None:
    site.provider.person["name"] = '<script>alert("x")</script>'
    browser = site.browser()
    await site.sign_in(browser)
    text = await (await browser.get("/account")).text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


async def test_a_secret_that_was_deleted_is_explained(site: Site) -> None:
    site.secrets.secret = None
    await refused(site, await site.sign_in(site.browser()), "provider_misconfigured")


async def test_every_end_is_counted_by_its_reason(site: Site) -> None:
    await site.sign_in(site.browser())
    await site.browser().get(CALLBACK)
    text = site.metrics.exposition().decode()
    assert 'keyledger_sign_ins_total{reason="ok"} 1.0' in text
    assert 'keyledger_sign_ins_total{reason="attempt_missing"} 1.0' in text
    assert 'keyledger_initiates_total{outcome="begun"} 1.0' in text
    assert BASE not in text
