"""Answers that a provider posts: as good as others, sent round by GET where the browser held the cookies back."""

import io

import pytest
from support.browser import shown_reason
from support.callback import CALLBACK, fields_of, post, refused
from support.site import Site
from yarl import URL


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


@pytest.mark.parametrize(
    "slug",
    ["a%0D%0ASet-Cookie:%20planted=1", "a%2F..%2F..%2F..%2Faccount", "a%00b", "%E2%80%AE", "a%3Fcode=other%23"],
)
async def test_b05_a_posted_answer_stays_at_the_callback_it_came_to(site: Site, slug: str) -> None:
    """No line break becomes a header, no encoded slash becomes another path."""
    path = f"/api/sso/callback/{slug}"
    fields = {"state": "unknown", "code": "c-1"}
    answer = await site.client.post(URL(path, encoded=True), data=fields, allow_redirects=False)
    assert answer.status == 303
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Location"] == f"{path}?state=unknown&code=c-1"
    page = await site.client.get(URL(answer.headers["Location"], encoded=True), allow_redirects=False)
    assert page.status == 400
    assert await shown_reason(page) == "attempt_missing"


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
