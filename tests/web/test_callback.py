"""Callback: whose attempt it is comes first, then what it is bound to, then one use, and only then the provider."""

import asyncio
import io
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from aiohttp import ClientResponse
from support.browser import Browser, restart_link, shown_reason
from support.site import BASE, Site

CALLBACK = "/api/sso/callback/acme"


def fields_of(address: str) -> dict[str, str]:
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


async def test_a03_an_attempt_of_one_workspace_is_foreign_to_another(site: Site) -> None:
    await site.connect("globex", domain="globex.example")
    browser = site.browser()
    back = await site.back(browser)
    await refused(site, await browser.get(back.replace("/acme?", "/globex?")), "attempt_foreign")
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


async def test_a12_tabs_finish_in_either_order(site: Site) -> None:
    browser = site.browser()
    first, second = await site.back(browser), await site.back(browser)
    assert (await browser.get(second)).status == 303
    assert (await browser.get(first)).status == 303
    assert await site.reasons() == ["ok", "ok"]
    assert not browser.named("attempt")


ERRORS = [
    ("access_denied", "User is not assigned to the client application.", "provider_denied", "Assignments"),
    ("access_denied", "Policy evaluation failed", "provider_denied", "policy"),
    ("access_denied", "", "provider_denied", "Okta"),
    ("login_required", "The client specified not to prompt", "provider_error", "session at Okta"),
    ("temporarily_unavailable", "", "provider_unreachable", "Okta"),
    ("user_canceled_request", "", "provider_denied", "stopped"),
    (
        "server_error",
        "The requested feature is not enabled in this environment.",
        "provider_misconfigured",
        "Okta domain",
    ),
    ("invalid_scope", "", "provider_misconfigured", "scopes"),
    ("<script>alert(1)</script>", "<script>alert(1)</script>", "provider_error", "Okta"),
    ("x" * 3000, "y" * 3000, "provider_error", "Okta"),
]


@pytest.mark.parametrize(("error", "description", "reason", "words"), ERRORS, ids=lambda value: str(value)[:24])
async def test_a20_b26_an_error_answer_is_explained_and_uses_the_attempt_up(
    site: Site, error: str, description: str, reason: str, words: str
) -> None:
    browser = site.browser()
    state = fields_of(await site.to_provider(browser))["state"]
    address = f"{CALLBACK}?{urlencode({'error': error, 'error_description': description, 'state': state})}"
    answer = await browser.get(address)
    text = await answer.text()
    assert await shown_reason(answer) == reason
    assert words in text
    assert "<script" not in text
    assert "xxxxx" not in text
    assert "Location" not in answer.headers
    assert not browser.named("attempt")
    assert (await site.reasons())[-1] == reason
    assert await shown_reason(await browser.get(address)) == "attempt_used"
    assert site.provider.requests("token") == []


async def test_b02_hostile_descriptions_reach_neither_page_header_nor_log(site: Site) -> None:
    browser = site.browser()
    state = fields_of(await site.to_provider(browser))["state"]
    hostile = quote("\x00\r\nX-Evil: 1\u202e<img src=x>plant", safe="") + "%ff%fe"
    answer = await browser.get(f"{CALLBACK}?error=access_denied&error_description={hostile}&state={state}")
    assert answer.status == 403
    assert "X-Evil" not in answer.headers
    assert "plant" not in await answer.text()
    assert "plant" not in site.log_text()
    assert "plant" not in str(await site.sign_ins())


async def test_b02_b26_a_description_of_any_length_and_direction_is_not_repeated(site: Site) -> None:
    browser = site.browser()
    state = fields_of(await site.to_provider(browser))["state"]
    hostile = "\u202e\u2066plant\u200f" + "<b>" * 4000
    fields = {"error": "access_denied", "error_description": hostile, "state": state}
    text = await refused(site, await post(browser, fields, cookies=True), "provider_denied")
    assert not {"\u202e", "\u2066", "\u200f"} & set(text)
    assert "plant" not in text + site.log_text() + str(await site.sign_ins())


async def test_b03_an_error_without_a_state_uses_nothing_up(site: Site) -> None:
    browser = site.browser()
    back = await site.back(browser)
    await refused(site, await browser.get(f"{CALLBACK}?error=access_denied"), "provider_error")
    assert (await browser.get(back)).status == 303


@pytest.mark.parametrize(
    "query", ["{back}&code=again", "{back}&state=again", "{back}&error=access_denied", "{back}&iss=a&iss=b"]
)
async def test_b01_a_parameter_given_twice_or_code_with_error_is_refused(site: Site, query: str) -> None:
    browser = site.browser()
    back = await site.back(browser)
    answer = await browser.get(query.format(back=back))
    assert answer.status == 400
    assert (await site.reasons())[-1] == "provider_error"
    assert site.provider.requests("token") == []
    assert (await browser.get(back)).status == 303


@pytest.mark.parametrize("code", ["", "x" * 3000, "a%00b", "a%0d%0ab", "%C3%BC"], ids=lambda text: text[:8])
async def test_b04_a_code_that_is_none_is_never_sent(site: Site, code: str) -> None:
    browser = site.browser()
    state = fields_of(await site.to_provider(browser))["state"]
    answer = await browser.get(f"{CALLBACK}?code={code}&state={state}")
    assert answer.status == 400
    assert site.provider.requests("token") == []


FOREIGN = {"Origin": "https://acme.okta.com", "Sec-Fetch-Site": "cross-site"}


async def post(browser: Browser, data: object, *, cookies: bool, **headers: str) -> ClientResponse:
    return await browser.send("POST", CALLBACK, headers={**FOREIGN, **headers}, cookies=cookies, data=data)


async def test_b05_a_posted_answer_signs_in(site: Site) -> None:
    browser = site.browser()
    answer = await post(browser, fields_of(await site.back(browser)), cookies=True)
    assert (answer.status, answer.headers["Location"]) == (303, "https://app.example/home")


async def test_b05_b10_a_posted_answer_without_cookies_comes_round_by_get(site: Site) -> None:
    """Browsers hold a Lax cookie back from a foreign POST, and send it with the GET that follows."""
    browser = site.browser()
    fields = fields_of(await site.back(browser)) | {"session_state": "ignored"}
    answer = await post(browser, fields, cookies=False)
    assert answer.status == 303
    assert answer.headers["Location"].startswith(f"{CALLBACK}?")
    assert "session_state" not in answer.headers["Location"]
    assert (await browser.get(answer.headers["Location"])).headers["Location"] == "https://app.example/home"
    stranger = await site.browser().get(answer.headers["Location"])
    assert stranger.status == 400


async def test_oidcc_client_test_form_post_error(site: Site) -> None:
    """An error that comes as a posted form is shown as one."""
    browser = site.browser()
    state = fields_of(await site.to_provider(browser))["state"]
    answer = await post(browser, {"error": "login_required", "state": state}, cookies=False)
    await refused(site, await browser.get(answer.headers["Location"]), "provider_error")


async def test_b30_an_id_token_that_okta_posts_by_itself_is_explained(site: Site) -> None:
    browser = site.browser()
    answer = await post(browser, {"id_token": "eyJ.planted.token", "state": "x"}, cookies=False)
    text = await refused(site, answer, "provider_misconfigured")
    assert "Login flow" in text
    assert "planted" not in text
    assert "planted" not in site.log_text()
    (row,) = await site.sign_ins()
    assert (row["detail"], row["okta_field"]) == ("id_token_posted", "General › Login › Login flow")


async def test_b07_a_token_in_the_query_is_no_code(site: Site) -> None:
    browser = site.browser()
    state = fields_of(await site.to_provider(browser))["state"]
    for given in ("id_token=eyJ", "access_token=x&token_type=Bearer"):
        answer = await browser.get(f"{CALLBACK}?{given}&state={state}")
        assert answer.status == 400
    assert site.provider.requests("token") == []


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b'{"code": "x"}', 415),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x--", 415),
        ("text/plain", b"code=x", 415),
        ("application/x-www-form-urlencoded", b"code=" + b"x" * 3_000_000, 413),
        ("application/x-www-form-urlencoded", b"code=x&code=y&state=z", 400),
    ],
    ids=["json", "multipart", "plain", "3MB", "twice"],
)
async def test_b05_other_bodies_are_told_off(site: Site, kind: str, body: bytes, status: int) -> None:
    answer = await post(site.browser(), io.BytesIO(body), cookies=False, **{"Content-Type": kind})
    assert answer.status == status
    assert answer.content_type == "text/html"
    assert await site.reasons() == ["provider_error"]


async def test_other_methods_are_not_taken(site: Site) -> None:
    for method in ("PUT", "DELETE", "PATCH", "HEAD"):
        answer = await site.browser().send(method, CALLBACK, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status == 405


async def test_x05_proof_of_possession_left_on_is_explained(site: Site) -> None:
    from aiohttp import web

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
