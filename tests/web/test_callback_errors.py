"""Answers that are errors, and answers that are none: what is shown of them, and what they use up."""

from urllib.parse import quote, urlencode

import pytest
from support.browser import shown_reason
from support.callback import CALLBACK, fields_of, post, refused
from support.site import Site

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


async def test_b04_an_answer_without_a_code_that_can_be_one_uses_nothing_up(site: Site) -> None:
    """Anybody can have a browser open such an address; the provider's own answer still counts afterwards."""
    browser = site.browser()
    back = await site.back(browser)
    state = fields_of(back)["state"]
    for code in ("", "a%00b"):
        answer = await browser.get(f"{CALLBACK}?code={code}&state={state}")
        assert answer.status == 400
    assert (await browser.get(back)).status == 303


async def test_b07_a_token_in_the_query_is_no_code(site: Site) -> None:
    browser = site.browser()
    state = fields_of(await site.to_provider(browser))["state"]
    for given in ("id_token=eyJ", "access_token=x&token_type=Bearer"):
        answer = await browser.get(f"{CALLBACK}?{given}&state={state}")
        assert answer.status == 400
    assert site.provider.requests("token") == []


async def test_b07_a_token_beside_the_code_is_not_looked_at(site: Site) -> None:
    """As a hybrid flow would send it: who it is, the ID token that the code is exchanged for says alone."""
    browser = site.browser()
    fields = fields_of(await site.back(browser))
    site.provider.person = {"sub": "00u18grace", "name": "Grace", "email": "grace@acme.example"}
    fields["id_token"] = site.provider.id_token("", "at")
    landed = await browser.get(f"{CALLBACK}?{urlencode(fields)}")
    assert landed.status == 303
    (row,) = await site.sign_ins()
    assert (row["reason"], row["email"]) == ("ok", "ada@acme.example")
