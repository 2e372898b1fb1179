"""Sessions as browsers see them: new at each sign-in, ended for good, and judged anew at every request."""

import json
from datetime import timedelta

import pytest
from aiohttp import ClientResponse
from support.browser import Browser, hidden_field, restart_link, shown_reason
from support.site import Site

SESSION = "__Host-keyledger-session"


async def status(browser: Browser) -> int:
    return (await browser.get("/api/session")).status


async def opened(browser: Browser) -> list[str]:
    answer = await browser.get("/api/session")
    return [one["slug"] for one in (await answer.json()).get("workspaces", [])]


async def test_s01_each_sign_in_has_a_new_session_and_the_old_one_is_dead(site: Site) -> None:
    browser, replayed = site.browser(), site.browser()
    await site.sign_in(browser)
    replayed.cookies = dict(browser.cookies)
    await site.sign_in(browser)
    assert browser.cookies[SESSION] != replayed.cookies[SESSION]
    assert await status(browser) == 200
    assert await status(replayed) == 401


async def test_s02_a_planted_session_is_not_the_one_that_is_signed_in(site: Site) -> None:
    attacker, victim = site.browser(), site.browser()
    attacker.cookies[SESSION] = victim.cookies[SESSION] = "A" * 43
    await site.sign_in(victim)
    assert victim.cookies[SESSION] != "A" * 43
    assert await status(attacker) == 401


@pytest.mark.parametrize("order", ["planted first", "ours first"])
async def test_s03_a_planted_session_beside_ours_signs_nobody_else_in(site: Site, order: str) -> None:
    """A neighbouring site cannot set a ``__Host-`` name; whatever comes under it twice is ours or nobody's."""
    browser, attacker = site.browser(), site.browser()
    await site.sign_in(browser)
    site.provider.person = {"sub": "00u18grace", "name": "Grace", "email": "grace@acme.example"}
    await site.sign_in(attacker)
    both = [f"{SESSION}={attacker.cookies[SESSION]}x", f"{SESSION}={browser.cookies[SESSION]}"]
    header = "; ".join(both if order == "planted first" else reversed(both))
    answer = await site.client.get("/api/session", headers={"Cookie": header})
    assert answer.status in {200, 401}
    assert "grace" not in await answer.text()
    again = await site.client.get("/api/sso/initiate/acme", headers={"Cookie": header}, allow_redirects=False)
    assert again.status == 302


@pytest.mark.parametrize(
    "value", ["", "garbage", "A" * 43, "A" * 4000, "ü".encode().decode("latin-1"), '"', "a b", "=", "%00"], ids=repr
)
async def test_s04_a_session_cookie_that_is_none_is_no_session(site: Site, value: str) -> None:
    browser = site.browser()
    browser.cookies[SESSION] = value
    assert await status(browser) == 401
    assert (await browser.get("/account")).status == 303
    assert (await site.sign_in(browser)).status == 303


async def test_s05_no_cookie_stands_in_for_another(site: Site) -> None:
    browser, swapped = site.browser(), site.browser()
    back = await site.back(browser)
    ((name, attempt),) = browser.named("attempt").items()
    await site.sign_in(browser)
    swapped.cookies = {name: browser.cookies[SESSION], SESSION: attempt}
    assert await status(swapped) == 401
    assert await shown_reason(await swapped.get(back)) == "attempt_foreign"


async def test_s06_a_session_is_dead_after_signing_out(site: Site) -> None:
    browser, replayed = site.browser(), site.browser()
    await site.sign_in(browser)
    replayed.cookies = dict(browser.cookies)
    answer = await browser.submit("/logout")
    assert answer.status == 200
    assert SESSION not in browser.cookies
    assert await status(replayed) == 401


async def test_signing_out_everywhere_ends_the_sessions_on_other_devices(site: Site) -> None:
    here, there = site.browser(), site.browser()
    await site.sign_in(here)
    await site.sign_in(there)
    await here.submit("/logout/everywhere")
    assert await status(there) == 401
    assert await status(here) == 401


@pytest.mark.parametrize("path", ["/logout", "/logout/everywhere", "/sign-in/switch", "/link/" + "a" * 43])
async def test_nobody_is_signed_out_or_switched_by_another_site(site: Site, path: str) -> None:
    browser = site.browser()
    await site.sign_in(browser)
    for headers in ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, {}):
        answer = await browser.send("POST", path, headers=headers)
        assert answer.status == 403
        assert await shown_reason(answer) == "foreign_origin"
    assert (await browser.get("/logout")).status == 405
    assert await status(browser) == 200


async def test_s08_s09_cookies_are_small_and_carry_their_flags_set_or_deleted(site: Site) -> None:
    browser = site.browser()
    await site.sign_in(browser, "/api/sso/initiate/acme?target_link_uri=https://app.example/" + "x" * 900)
    await browser.submit("/logout")
    names = [morsel.key for morsel in browser.set]
    assert len([name for name in names if "session" in name]) == 2
    assert len([name for name in names if "attempt" in name]) == 2
    for morsel in browser.set:
        assert morsel.key.startswith("__Host-")
        assert len(morsel.OutputString()) < 4096
        assert morsel["secure"]
        assert morsel["httponly"]
        assert morsel["samesite"] == "Lax"
        assert morsel["path"] == "/"
        assert morsel["domain"] == ""


async def test_s10_a_session_ends_when_idle_and_at_its_absolute_limit(site: Site) -> None:
    limits = site.world.resources.limits
    idle, busy = site.browser(), site.browser()
    await site.sign_in(idle)
    await site.sign_in(busy)
    step = limits.idle - timedelta(minutes=5)
    used = timedelta()
    while used + step < limits.absolute:
        site.world.clock.now += step
        used += step
        assert await status(busy) == 200
    assert await status(idle) == 401
    site.world.clock.now += limits.absolute - used
    assert await status(busy) == 401


async def test_s11_a_session_made_by_one_workspace_opens_no_other(site: Site) -> None:
    await site.connect("globex", domain="acme.example")
    browser = site.browser()
    await site.sign_in(browser)
    assert await opened(browser) == ["acme"]


async def test_an_open_session_is_judged_anew_at_every_request(site: Site) -> None:
    browser = site.browser()
    await site.sign_in(browser)
    assert await opened(browser) == ["acme"]
    await site.disable()
    assert await opened(browser) == []
    text = await (await browser.get("/account")).text()
    assert "opens no workspace" in text


async def test_the_account_page_tells_who_where_and_how(site: Site) -> None:
    browser = site.browser()
    await site.sign_in(browser)
    answer = await browser.get("/account")
    text = await answer.text()
    for told in ("Ada", "ada@acme.example", "acme", "Editor", "All", "Single sign-on", "https://app.example/home"):
        assert told in text
    assert answer.headers["Cache-Control"] == "no-store"


async def sign_in_as(site: Site, browser: Browser, name: str) -> ClientResponse:
    site.provider.person = {"sub": f"00u-{name}", "name": name.title(), "email": f"{name}@acme.example"}
    return await site.sign_in(browser, "/api/sso/initiate/acme?target_link_uri=https://app.example/x")


async def who(browser: Browser) -> str:
    session = await (await browser.get("/api/session")).json()
    email: str = session["user"]["email"]
    return email


async def test_taking_somebody_elses_place_needs_a_confirming_form(site: Site) -> None:
    browser = site.browser()
    await sign_in_as(site, browser, "ada")
    answer = await sign_in_as(site, browser, "grace")
    text = await answer.text()
    assert answer.status == 200
    assert "grace@acme.example" in text
    assert "ada@acme.example" in text
    assert await who(browser) == "ada@acme.example"
    assert "https://app.example" in answer.headers["Content-Security-Policy"]
    ticket = hidden_field(text, "ticket")
    done = await browser.submit("/sign-in/switch", {"ticket": ticket})
    assert (done.status, done.headers["Location"]) == (303, "https://app.example/x")
    assert await who(browser) == "grace@acme.example"
    again = await browser.submit("/sign-in/switch", {"ticket": ticket})
    assert await shown_reason(again) == "switch_expired"


async def test_a_confirming_form_is_of_one_session_and_lasts_ten_minutes(site: Site) -> None:
    browser, attacker = site.browser(), site.browser()
    await sign_in_as(site, browser, "ada")
    ticket = hidden_field(await (await sign_in_as(site, browser, "grace")).text(), "ticket")
    await sign_in_as(site, attacker, "mallory")
    assert await shown_reason(await attacker.submit("/sign-in/switch", {"ticket": ticket})) == "switch_expired"
    assert await shown_reason(await site.browser().submit("/sign-in/switch", {"ticket": ticket})) == "switch_expired"
    site.world.clock.turn(minutes=11)
    assert await shown_reason(await browser.submit("/sign-in/switch", {"ticket": ticket})) == "switch_expired"
    assert await who(browser) == "ada@acme.example"
    for rubbish in ({}, {"ticket": ""}, {"ticket": "x" * 9000}, {"ticket": "ü"}):
        assert await shown_reason(await browser.submit("/sign-in/switch", rubbish)) == "switch_expired"


async def mailed_link(site: Site) -> str:
    (row,) = await site.world.rows("outbox")
    assert row["kind"] == "confirm_link"
    content = site.world.resources.box.open("outbox", row["content"])
    assert content is not None
    link: str = json.loads(content)["values"]["link"]
    return link


async def test_s2_an_owner_is_linked_by_a_mailed_click_and_not_by_address_alone(site: Site) -> None:
    await site.world.member("ada@acme.example", "owner")
    browser, scanner = site.browser(), site.browser()
    answer = await site.sign_in(browser)
    text = await answer.text()
    assert answer.status == 200
    assert "Check your mail" in text
    assert 'href="/api/sso/initiate/acme"' in text
    assert await status(browser) == 401
    link = await mailed_link(site)
    for _ in range(3):
        page = await (await scanner.get(link)).text()
        assert "Is this you?" in page
        assert "ada@acme.example" in page
    assert "Check your mail" in await (await site.sign_in(browser)).text()
    done = await browser.submit(link)
    assert restart_link(await done.text()) == "/api/sso/initiate/acme"
    assert await shown_reason(await browser.submit(link)) == "link_used"
    assert await shown_reason(await browser.get(link)) == "link_used"
    assert (await site.sign_in(browser)).status == 303
    assert await opened(browser) == ["acme"]


@pytest.mark.parametrize("token", ["", "qqq", "a" * 43, "%00", "a" * 5000])
async def test_a_link_that_is_none_is_told_so(site: Site, token: str) -> None:
    answer = await site.browser().get(f"/link/{token}")
    assert answer.status == (404 if not token else 410)
    assert token == "" or token not in await answer.text()
