"""Okta set up wrongly, one setting at a time: the page for the person, the row for support, the field to change.

Whoever reads the page alone, or the row in the sign-in log alone, can say what to change in Okta.
"""

import html
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientResponse, web
from support.browser import Browser, shown_reason
from support.database import Pool
from support.okta import DPOP_REQUIRED, NOT_ASSIGNED, WRONG_SECRET, okta_headers
from support.provider import FakeProvider
from support.site import Site, running_site

INITIATE = "/api/sso/initiate/"
CALLBACK = "/api/sso/callback/"
CUSTOM_SERVER = "/oauth2/default"


def as_it_is(_: FakeProvider) -> None:
    """Leave the provider alone."""


def redirecting_back_with(error: str, description: str = "") -> Callable[[FakeProvider], None]:
    def prepare(provider: FakeProvider) -> None:
        provider.authorize_error = (error, description)

    return prepare


def answering(endpoint: str, status: int, body: dict[str, Any], **headers: str) -> Callable[[FakeProvider], None]:
    sent = okta_headers("no-store")
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})

    def prepare(provider: FakeProvider) -> None:
        provider.hooks[endpoint] = lambda _: web.json_response(body, status=status, headers=sent)

    return prepare


def in_oktas_shape(code: str, summary: str) -> dict[str, Any]:
    return {"errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oae1", "errorCauses": []}


def with_claims(**changes: Any) -> Callable[[FakeProvider], None]:
    def prepare(provider: FakeProvider) -> None:
        provider.claim_changes = changes

    return prepare


def with_another_issuer_in_discovery(provider: FakeProvider) -> None:
    provider.metadata_changes = {"issuer": "https://login.acme.example"}


def without_an_address(provider: FakeProvider) -> None:
    del provider.person["email"]


def with_a_directorys_address(provider: FakeProvider) -> None:
    """The org server says so of everybody whose address came from a directory, and says it at userinfo alone."""
    provider.person["email_verified"] = False


async def start(site: Site, browser: Browser, slug: str) -> ClientResponse:
    return await site.sign_in(browser, INITIATE + slug)


async def begin(site: Site, browser: Browser, slug: str) -> ClientResponse:
    del site
    return await browser.get(INITIATE + slug)


async def come_back_late(site: Site, browser: Browser, slug: str) -> ClientResponse:
    back = await site.back(browser, INITIATE + slug)
    site.world.clock.turn(seconds=61)
    return await browser.get(back)


async def post_an_id_token(site: Site, browser: Browser, slug: str) -> ClientResponse:
    """What the tile does under “Send ID Token directly to app (Okta Simplified)”: no state, nobody asked."""
    headers = {"Origin": site.provider.origin, "Sec-Fetch-Site": "cross-site"}
    fields = {"id_token": site.provider.id_token("", "at")}
    return await browser.send("POST", CALLBACK + slug, headers=headers, cookies=False, data=fields)


async def start_from_a_tile_of_the_custom_domain(site: Site, browser: Browser, slug: str) -> ClientResponse:
    del site
    return await browser.get(f"{INITIATE}{slug}?iss=https://login.acme.example")


class Wrong(NamedTuple):
    """One wrong setting, what Okta does because of it, and what is told: on the page and in the row alike."""

    prepare: Callable[[FakeProvider], None]
    reason: str
    detail: str
    field: str | None
    page: tuple[str, ...]
    run: Callable[[Site, Browser, str], Any] = start
    issuer_path: str = ""
    connection: dict[str, Any] = {}  # noqa: RUF012 - nobody writes to it


DPOP_FIELD = (
    "General › General Settings › Proof of possession › "
    "Require Demonstrating Proof of Possession (DPoP) header in token requests"
)
SECRETS = "General › Client Credentials › Client secrets"
ISSUER = "Sign On › OpenID Connect ID Token › Issuer"
EMAIL = "Directory › People › Profile › Primary email"
GRANT = "General › General Settings › Grant type"
LIMITS = "Reports › Rate Limits"
NO_FEATURE = "You do not have permission to access the feature you are requesting"

WRONGS: dict[str, Wrong] = {
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
    "the ID token is sent directly to the app": Wrong(
        as_it_is,
        "provider_misconfigured",
        "id_token_posted",
        "General › Login › Login flow",
        ("Okta Simplified", "Redirect to app to initiate login (OIDC Compliant)", "initiate URI"),
        run=post_an_id_token,
    ),
    "DPoP is left on": Wrong(
        answering("token", 400, DPOP_REQUIRED),
        "provider_misconfigured",
        "dpop_required",
        DPOP_FIELD,
        ("proof of possession (DPoP)", "In Okta, clear this checkbox."),
    ),
    "DPoP is left on, and Okta wants a nonce": Wrong(
        answering("token", 400, {"error": "use_dpop_nonce"}),
        "provider_misconfigured",
        "dpop_required",
        DPOP_FIELD,
        ("In Okta, clear this checkbox.",),
    ),
    "the secret is wrong or has expired": Wrong(
        answering("token", 401, WRONG_SECRET),
        "provider_misconfigured",
        "client_secret_wrong",
        SECRETS,
        ("client secret", "In Okta, generate a new secret and hand it to support"),
    ),
    "the client is refused without a word": Wrong(
        answering("token", 401, {"error": "invalid_client"}),
        "provider_misconfigured",
        "client_refused",
        SECRETS,
        ("ID or its secret is wrong", "In Okta, generate a new secret"),
    ),
    "the client authenticates by a key": Wrong(
        answering("token", 401, {"error": "invalid_client", "error_description": "authentication method not allowed"}),
        "provider_misconfigured",
        "auth_method_refused",
        "General › Client Credentials › Client authentication",
        ("In Okta, choose Client secret.",),
    ),
    "the Authorization Code grant is off": Wrong(
        redirecting_back_with("unauthorized_client", "The client is not authorized to use the provided grant type."),
        "provider_misconfigured",
        "unauthorized_client",
        GRANT,
        ("In Okta, tick Authorization Code.",),
    ),
    "the Authorization Code grant is off at the token endpoint": Wrong(
        answering("token", 400, {"error": "unauthorized_client"}),
        "provider_misconfigured",
        "grant_type_refused",
        GRANT,
        ("Authorization Code grant",),
    ),
    "a custom server does not allow the scopes": Wrong(
        redirecting_back_with("invalid_scope", "One or more scopes are not configured for the resource."),
        "provider_misconfigured",
        "invalid_scope",
        "Security › API › Authorization Servers › Scopes",
        ("scopes openid, email and profile",),
        issuer_path="/oauth2/aus1acme",
    ),
    "/oauth2/default without the feature, at authorize": Wrong(
        redirecting_back_with("server_error", "The requested feature is not enabled in this environment."),
        "provider_misconfigured",
        "custom_server_unavailable",
        "Okta domain",
        ("API Access Management", "Set the connection up with the Okta domain alone."),
        issuer_path=CUSTOM_SERVER,
    ),
    "/oauth2/default without the feature, at discovery": Wrong(
        answering("discovery", 403, in_oktas_shape("E0000015", NO_FEATURE)),
        "provider_misconfigured",
        "custom_server_unavailable",
        "Okta domain",
        ("API Access Management", "Set the connection up with the Okta domain alone."),
        run=begin,
        issuer_path=CUSTOM_SERVER,
    ),
    "/oauth2/default without the feature, at the token endpoint": Wrong(
        answering("token", 403, in_oktas_shape("E0000015", NO_FEATURE)),
        "provider_misconfigured",
        "custom_server_unavailable",
        "Okta domain",
        ("API Access Management",),
        issuer_path=CUSTOM_SERVER,
    ),
    "a custom domain flips the issuer of the ID token": Wrong(
        with_claims(iss="https://login.acme.example"),
        "issuer_mismatch",
        "id_token_issuer_mismatch",
        ISSUER,
        ("https://login.acme.example", "http://127.0.0.1:", "choose the Okta URL as the app's Issuer"),
    ),
    "a custom domain flips the issuer of the discovery document": Wrong(
        with_another_issuer_in_discovery,
        "issuer_mismatch",
        "discovery_issuer_mismatch",
        ISSUER,
        ("https://login.acme.example", "http://127.0.0.1:", "the domain that the app's Issuer setting shows"),
        run=begin,
    ),
    "a custom domain flips the issuer that the tile names": Wrong(
        as_it_is,
        "issuer_mismatch",
        "foreign_issuer",
        ISSUER,
        ("https://login.acme.example", "http://127.0.0.1:", "the domain that the app's Issuer setting shows"),
        run=start_from_a_tile_of_the_custom_domain,
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
    "the redirect URI was changed meanwhile": Wrong(
        answering("token", 400, {"error": "invalid_grant", "error_description": "The 'redirect_uri' does not match."}),
        "code_rejected",
        "redirect_uri_mismatch",
        "General › Login › Sign-in redirect URIs",
        ("another redirect URI", "enter the redirect URI that support gave you"),
    ),
    "the org's limit is used up at the token endpoint": Wrong(
        answering("token", 429, in_oktas_shape("E0000047", "API call exceeded rate limit."), X_Rate_Limit_Reset="1"),
        "provider_unreachable",
        "rate_limited",
        LIMITS,
        ("Too many sign-ins at once", "limits count for the whole organization"),
    ),
    "the org's limit is used up at userinfo": Wrong(
        lambda provider: (
            with_claims(email=None)(provider),
            answering("userinfo", 429, in_oktas_shape("E0000047", "API call exceeded rate limit."))(provider),
        )[-1],
        "provider_unreachable",
        "rate_limited",
        LIMITS,
        ("Wait a minute",),
    ),
    "the ID token is encrypted": Wrong(
        lambda provider: setattr(provider, "token_changes", {"id_token": "a.b.c.d.e"}),
        "id_token_invalid",
        "token_encrypted",
        None,
        ("is encrypted. Switch the encryption of ID tokens off.",),
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


class Told(NamedTuple):
    """What a refused sign-in told: the page and its words, and the row in the sign-in log."""

    answer: ClientResponse
    text: str
    row: dict[str, Any]


async def told(site: Site, wrong: Wrong, kind: str) -> Told:
    """Meet the wrong setting in a workspace whose provider is of this kind."""
    slug = f"{kind}-{secrets.token_hex(4)}"
    await site.connect(slug, provider_kind=kind, **wrong.connection)
    answer = await wrong.run(site, site.browser(), slug)
    (row,) = [one for one in await site.sign_ins() if one["workspace"] == slug]
    return Told(answer, html.unescape(await answer.text()), row)


@pytest.mark.parametrize("row", WRONGS)
async def test_a_wrong_setting_is_told_to_the_person_and_to_support_with_the_field_to_change(
    shared_pool: Pool, row: str
) -> None:
    """To each in the words of the connection's kind: what is told of another provider does not speak of Okta."""
    wrong = WRONGS[row]
    provider = FakeProvider(issuer_path=wrong.issuer_path)
    wrong.prepare(provider)
    async with running_site(shared_pool, provider, app_url="https://app.example/home") as site:
        okta, other = await told(site, wrong, "okta"), await told(site, wrong, "oidc")
        lines = [line for line in site.log_lines() if line["event"] == "sign_in_refused"]
    for one in (okta, other):
        assert await shown_reason(one.answer) == one.row["reason"] == wrong.reason
        assert one.row["detail"] == wrong.detail
        assert one.row["explanation"].endswith(".")
        assert one.row["explanation"] in one.text
        assert one.row["request_id"] == one.answer.headers["X-Request-Id"]
        assert one.row["request_id"] in one.text
        assert (one.row["okta_field"] is None) == (wrong.field is None)
        assert wrong.field is None or one.row["okta_field"] in one.text
    assert [line["detail"] for line in lines] == [wrong.detail] * 2
    assert okta.row["okta_field"] == wrong.field
    assert "For the Okta administrator" in okta.text
    assert not [words for words in wrong.page if words not in okta.text]
    told_there = f"{other.text} {other.row['explanation']} {other.row['okta_field']}"
    assert "Okta" not in told_there
    assert "identity provider" in other.text


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
    answering(endpoint, 429, in_oktas_shape("E0000047", "API call exceeded rate limit."), Retry_After="17")(provider)
    async with running_site(shared_pool, provider) as site:
        slug = f"limited-{secrets.token_hex(4)}"
        await site.connect(slug)
        answer = await run(site, site.browser(), slug)
        assert (answer.status, answer.headers.get("Retry-After")) == (503, "17")
        assert "asked again in 17 seconds" in await answer.text()


async def test_a_stranger_cannot_have_our_page_say_what_they_like(site: Site) -> None:
    """Anybody can make a link to the initiate URI; what it names is repeated only where it can be an issuer."""
    for text in ("call +1-555-0100 now", "https://evil.example/<b>x", "javascript:alert(1)", "x" * 3000):
        answer = await site.browser().send("GET", INITIATE + "acme", headers={}, params={"iss": text})
        assert await shown_reason(answer) == "issuer_mismatch"
        page = await answer.text()
        assert "names something that is no issuer" in page
        assert text not in page
