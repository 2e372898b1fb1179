"""Whatever a provider answers: who it does not rightly prove is not signed in, and nothing breaks."""

import json
from typing import Any

import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from multidict import CIMultiDict
from support.browser import Browser, shown_reason
from support.fuzzing import JSON, TEXTS, searching
from support.site import Site
from support.tokens import Json

# What failed is printed with the whole site.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

NEAR: tuple[Any, ...] = (
    *(True, False, 0, 1, -1, 2**53, "", [], {}, "acme.example", "ada@acme.example", "ada@ACME.example"),
    *("ada@acme.example.evil.example", "ada@evil.example", "ada@sub.acme.example", '"ada@acme.example"@evil.example'),
    *("ada@аcme.example", "ada@acme.example\x00", " ada@acme.example", ["ada@acme.example"], "00u17ada1acme"),
)
values: SearchStrategy[Any] = JSON | st.sampled_from(NEAR)
claim_names = st.sampled_from(
    ["iss", "aud", "sub", "nonce", "exp", "iat", "at_hash", "c_hash", "azp", "email", "email_verified", "name", "nbf"]
)


def signed_in(browser: Browser) -> bool:
    return any("session" in name for name in browser.cookies)


async def outcome(site: Site) -> tuple[bool, str | None]:
    """Sign somebody in as far as it leads. Return whether they are, and the reason that the page gives."""
    browser = site.browser()
    answer = await site.sign_in(browser)
    assert answer.status in {200, 303} or 400 <= answer.status < 500 or answer.status == 502, await answer.text()
    reason = await shown_reason(answer)
    assert (answer.status == 303) == (reason is None)
    return signed_in(browser), reason


@given(st.dictionaries(claim_names, values, min_size=1, max_size=2))
@example({"name": "Ada"})
@searching(50)
async def test_nobody_is_signed_in_by_claims_that_say_something_else(site: Site, changes: Json) -> None:
    """Signed by the provider's own key, which is trusted for its workspace's domains, and for this login alone."""
    site.provider.claim_changes = changes
    came_in, _ = await outcome(site)
    if came_in:
        right = {"iss": site.provider.issuer, "aud": site.provider.client_id}
        for name, value in changes.items():
            # None takes a claim out, and only the hashes may be left out.
            assert name != "nonce", changes
            assert name != "at_hash" or value is None, changes
            assert name not in right or value in (right[name], [right[name]]), changes
            assert name != "email" or value is None or str(value).lower().endswith("@acme.example"), changes
            assert name != "sub" or (isinstance(value, str) and value), changes
    elif changes == {"name": "Ada"}:
        pytest.fail("the right claims have to sign in")


@given(st.dictionaries(st.sampled_from(["sub", "email", "email_verified", "name"]), values, max_size=3))
@example({})
@searching(40)
async def test_userinfo_speaks_for_the_tokens_subject_or_for_nobody(site: Site, changes: Json) -> None:
    site.provider.claim_changes, site.provider.userinfo_changes = {"email": None}, changes
    came_in, _ = await outcome(site)
    if came_in:
        assert changes.get("sub", "00u17ada1acme") == "00u17ada1acme"
        assert str(changes.get("email", "ada@acme.example")).lower().endswith("@acme.example")
    assert came_in or changes


types = st.sampled_from(["application/json", "text/html", "application/jwt", "", "application/json; charset=utf-16"])
bodies = st.binary(max_size=400) | JSON.map(lambda value: json.dumps(value).encode()) | st.just(b"[" * 100_000)
answers = st.tuples(st.integers(200, 599), types, bodies)
token_members = st.dictionaries(
    st.sampled_from(["token_type", "access_token", "id_token", "error", "expires_in", "scope"]),
    values,
    min_size=1,
    max_size=2,
)


@given(st.sampled_from(["token", "userinfo", "discovery", "keys"]), answers)
@searching(60)
async def test_an_answer_of_any_kind_at_any_endpoint_signs_nobody_in(
    site: Site, endpoint: str, answer: tuple[int, str, bytes]
) -> None:
    status, kind, body = answer

    def answered(_: web.Request) -> web.Response:
        headers = CIMultiDict({"Content-Type": kind} if kind else {})
        return web.Response(status=status, body=body, headers=headers)

    site.provider.claim_changes = {"email": None}
    site.provider.hooks = {endpoint: answered}
    # By tomorrow what was learnt of the provider is forgotten, and it is asked anew.
    site.world.clock.turn(hours=25)
    browser = site.browser()
    begun = await browser.get("/api/sso/initiate/acme")
    if begun.status == 302:
        callback = await browser.get(await site.provider.log_in(begun.headers["Location"]))
        assert callback.status < 500 or callback.status in {502, 503, 504}, await callback.text()
    else:
        assert begun.status < 500 or begun.status in {502, 503, 504}, await begun.text()
    assert not signed_in(browser)


@given(token_members | st.dictionaries(TEXTS, values, max_size=2))
@example({})
@searching(40)
async def test_a_token_answer_with_other_members_signs_in_only_if_it_means_the_same(site: Site, changes: Json) -> None:
    site.provider.token_changes = changes
    came_in, _ = await outcome(site)
    if came_in:
        # None takes a member out.
        assert not {"id_token", "access_token"} & changes.keys(), changes
        assert changes.get("error") is None, changes
        assert str(changes.get("token_type", "bearer")).lower() == "bearer"
    assert came_in or changes
