"""Okta set up wrongly, one setting at a time: the page for the person, the row for support, the field to change.

Whoever reads the page alone, or the row in the sign-in log alone, can say what to change in Okta.
"""

import pytest
from aiohttp import ClientResponse
from support.browser import Browser, shown_reason
from support.database import Pool
from support.okta import DPOP_REQUIRED, WRONG_SECRET
from support.provider import FakeProvider
from support.site import Site
from support.wrong_settings import (
    INITIATE,
    Wrong,
    answering,
    as_it_is,
    assert_told_with_the_field_to_change,
    begin,
    in_oktas_shape,
    redirecting_back_with,
    with_claims,
)

CALLBACK = "/api/sso/callback/"
CUSTOM_SERVER = "/oauth2/default"


def with_another_issuer_in_discovery(provider: FakeProvider) -> None:
    provider.metadata_changes = {"issuer": "https://login.acme.example"}


async def post_an_id_token(site: Site, browser: Browser, slug: str) -> ClientResponse:
    """What the tile does under “Send ID Token directly to app (Okta Simplified)”: no state, nobody asked."""
    headers = {"Origin": site.provider.origin, "Sec-Fetch-Site": "cross-site"}
    fields = {"id_token": site.provider.id_token("", "at")}
    return await browser.send("POST", CALLBACK + slug, headers=headers, cookies=False, data=fields)


async def start_from_a_tile_of_the_custom_domain(site: Site, browser: Browser, slug: str) -> ClientResponse:
    del site
    return await browser.get(f"{INITIATE}{slug}?iss=https://login.acme.example")


DPOP_FIELD = (
    "General › General Settings › Proof of possession › "
    "Require Demonstrating Proof of Possession (DPoP) header in token requests"
)
SECRETS = "General › Client Credentials › Client secrets"
ISSUER = "Sign On › OpenID Connect ID Token › Issuer"
GRANT = "General › General Settings › Grant type"
NO_FEATURE = "You do not have permission to access the feature you are requesting"

WRONGS: dict[str, Wrong] = {
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
    "the redirect URI was changed meanwhile": Wrong(
        answering("token", 400, {"error": "invalid_grant", "error_description": "The 'redirect_uri' does not match."}),
        "code_rejected",
        "redirect_uri_mismatch",
        "General › Login › Sign-in redirect URIs",
        ("another redirect URI", "enter the redirect URI that support gave you"),
    ),
    "the ID token is encrypted": Wrong(
        lambda provider: setattr(provider, "token_changes", {"id_token": "a.b.c.d.e"}),
        "id_token_invalid",
        "token_encrypted",
        None,
        ("is encrypted. Switch the encryption of ID tokens off.",),
    ),
}


@pytest.mark.parametrize("row", WRONGS)
async def test_a_wrong_setting_is_told_to_the_person_and_to_support_with_the_field_to_change(
    shared_pool: Pool, row: str
) -> None:
    await assert_told_with_the_field_to_change(shared_pool, WRONGS[row])


async def test_a_stranger_cannot_have_our_page_say_what_they_like(site: Site) -> None:
    """Anybody can make a link to the initiate URI; what it names is repeated only where it can be an issuer."""
    for text in ("call +1-555-0100 now", "https://evil.example/<b>x", "javascript:alert(1)", "x" * 3000):
        answer = await site.browser().send("GET", INITIATE + "acme", headers={}, params={"iss": text})
        assert await shown_reason(answer) == "issuer_mismatch"
        page = await answer.text()
        assert "names something that is no issuer" in page
        assert text not in page
