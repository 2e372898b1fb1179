"""Okta keeps a person out, or asks to be asked later: whose turn it is, on the page and in the row for support."""

import secrets

import pytest
from aiohttp import ClientResponse
from support.browser import Browser
from support.database import Pool
from support.okta import NOT_ASSIGNED
from support.provider import FakeProvider
from support.site import Site, running_site
from support.wrong_settings import (
    INITIATE,
    Wrong,
    answering,
    as_it_is,
    assert_told_with_the_field_to_change,
    begin,
    in_oktas_shape,
    redirecting_back_with,
    start,
    with_claims,
)


def without_an_address(provider: FakeProvider) -> None:
    del provider.person["email"]


def with_a_directorys_address(provider: FakeProvider) -> None:
    """The org server says so of everybody whose address came from a directory, and says it at userinfo alone."""
    provider.person["email_verified"] = False


def limited_at_userinfo(provider: FakeProvider) -> None:
    """Asked for the address, which the ID token leaves out."""
    with_claims(email=None)(provider)
    answering("userinfo", 429, TOO_MANY)(provider)


async def come_back_late(site: Site, browser: Browser, slug: str) -> ClientResponse:
    back = await site.back(browser, INITIATE + slug)
    site.world.clock.turn(seconds=61)
    return await browser.get(back)


EMAIL = "Directory › People › Profile › Primary email"
LIMITS = "Reports › Rate Limits"
TOO_MANY = in_oktas_shape("E0000047", "API call exceeded rate limit.")

KEPT_OUT: dict[str, Wrong] = {
    "the person is not assigned": Wrong(
        redirecting_back_with(*NOT_ASSIGNED),
        "provider_denied",
        "not_assigned",
        "Assignments",
        ("not assigned to this app", "Ask your Okta administrator to assign you", "or a group"),
    ),
    "a policy denies": Wrong(
        redirecting_back_with("access_denied", "Policy evaluation failed for this request, please check."),
        "provider_denied",
        "policy",
        "Sign On › Authentication policy",
        ("sign-on policy", "Access Policies"),
    ),
    "the person has no address": Wrong(
        without_an_address,
        "email_missing",
        "email_absent",
        EMAIL,
        ("no e-mail address", "the app the email scope"),
    ),
    "a directory's address is not verified, and the connection requires it": Wrong(
        with_a_directorys_address,
        "email_unverified",
        "email_not_verified",
        EMAIL,
        ("never if it came from a directory", "support can lift the requirement"),
        connection={"email_verified": "require"},
    ),
    "nothing tells whether the address is verified, and the connection requires it": Wrong(
        as_it_is,
        "email_unverified",
        "email_verified_missing",
        EMAIL,
        ("does not say", "support can lift the requirement"),
        connection={"email_verified": "require"},
    ),
    "the code came back after its sixty seconds": Wrong(
        as_it_is,
        "code_rejected",
        "code_expired",
        None,
        ("over a minute", "sixty seconds"),
        run=come_back_late,
    ),
    "the org's limit is used up at the token endpoint": Wrong(
        answering("token", 429, TOO_MANY, X_Rate_Limit_Reset="1"),
        "provider_unreachable",
        "rate_limited",
        LIMITS,
        ("Too many sign-ins at once", "limits count for the whole organization"),
    ),
    "the org's limit is used up at userinfo": Wrong(
        limited_at_userinfo,
        "provider_unreachable",
        "rate_limited",
        LIMITS,
        ("Wait a minute",),
    ),
    "Okta's own error without a word": Wrong(
        redirecting_back_with("server_error"),
        "provider_error",
        "server_error",
        None,
        ("System Log shows the cause",),
    ),
    "Okta refuses the request": Wrong(
        redirecting_back_with("invalid_request", "The 'nonce' parameter is missing."),
        "provider_misconfigured",
        "invalid_request",
        None,
        ("System Log names what it did not accept",),
    ),
}


@pytest.mark.parametrize("row", KEPT_OUT)
async def test_what_keeps_a_person_out_is_told_to_the_person_and_to_support_with_the_field_to_change(
    shared_pool: Pool, row: str
) -> None:
    await assert_told_with_the_field_to_change(shared_pool, KEPT_OUT[row])


LIMITED_AT = {
    "H12 at the token endpoint": ("token", start),
    "H12 at discovery": ("discovery", begin),
    "H12 at the key set": ("keys", start),
}


@pytest.mark.parametrize("row", LIMITED_AT)
async def test_h12_the_page_of_a_provider_that_limits_says_when_to_come_back(shared_pool: Pool, row: str) -> None:
    """By ``Retry-After`` as well (RFC 9110 10.2.3), so that what reloads pages by itself does not come earlier."""
    endpoint, run = LIMITED_AT[row]
    provider = FakeProvider()
    answering(endpoint, 429, TOO_MANY, Retry_After="17")(provider)
    async with running_site(shared_pool, provider) as site:
        slug = f"limited-{secrets.token_hex(4)}"
        await site.connect(slug)
        answer = await run(site, site.browser(), slug)
        assert (answer.status, answer.headers.get("Retry-After")) == (503, "17")
        assert "asked again in 17 seconds" in await answer.text()
