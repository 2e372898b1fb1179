"""Where the browser is sent, and what the provider means when it sends it back with an error."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from support.okta import NOT_ASSIGNED
from support.provider import FakeProvider

from service.oidc.authorization_errors import explain_authorization_error
from service.oidc.client import RelyingParty
from service.oidc.discovery import ProviderMetadata

REDIRECT_URI = "https://id.example.com/api/sso/callback/acme"


@pytest.fixture
async def metadata(relying_party: RelyingParty, provider: FakeProvider) -> ProviderMetadata:
    """The provider's metadata."""
    return await relying_party.prepare(provider.issuer)


async def test_the_request_is_the_code_flow_with_pkce_and_nothing_twice(
    relying_party: RelyingParty, metadata: ProviderMetadata
) -> None:
    url = relying_party.authorization_url(metadata, "0oa1", REDIRECT_URI, "st", "no", "ch", "ada@acme.example")
    assert url.startswith(f"{metadata.authorization_endpoint}?")
    assert sorted(parse_qsl(urlsplit(url).query, strict_parsing=True)) == [
        ("client_id", "0oa1"),
        ("code_challenge", "ch"),
        ("code_challenge_method", "S256"),
        ("login_hint", "ada@acme.example"),
        ("nonce", "no"),
        ("redirect_uri", REDIRECT_URI),
        ("response_mode", "query"),
        ("response_type", "code"),
        ("scope", "openid email profile"),
        ("state", "st"),
    ]


@pytest.mark.parametrize("methods", [(), ("plain",), ("S256",)])
async def test_a08_pkce_s256_goes_along_whatever_the_provider_announces(
    relying_party: RelyingParty, metadata: ProviderMetadata, methods: tuple[str, ...]
) -> None:
    weaker = replace(metadata, code_challenge_methods=methods)
    query = dict(parse_qsl(urlsplit(relying_party.authorization_url(weaker, "c", REDIRECT_URI, "s", "n", "ch")).query))
    assert (query["code_challenge"], query["code_challenge_method"]) == ("ch", "S256")


@pytest.mark.parametrize("hint", ["a&state=evil", "a#b", "a\r\nX: y", "ü@acme.example", "a b+c%26"])
async def test_a17_a_login_hint_is_one_value_whatever_it_holds(
    relying_party: RelyingParty, metadata: ProviderMetadata, hint: str
) -> None:
    url = relying_party.authorization_url(metadata, "c", REDIRECT_URI, "s", "n", "ch", hint)
    assert url.isascii()
    assert url.isprintable()
    query = parse_qsl(urlsplit(url).query)
    assert ("login_hint", hint) in query
    assert [name for name, _ in query].count("state") == 1


async def test_no_hint_and_an_unannounced_response_mode_are_left_out(
    relying_party: RelyingParty, metadata: ProviderMetadata
) -> None:
    silent = replace(metadata, response_modes=())
    url = relying_party.authorization_url(silent, "c", REDIRECT_URI, "s", "n", "ch", "")
    assert "login_hint" not in url
    assert "response_mode" not in url


async def test_an_authorization_endpoint_with_a_query_keeps_it(
    relying_party: RelyingParty, metadata: ProviderMetadata
) -> None:
    """RFC 6749 3.1."""
    endpoint = f"{metadata.authorization_endpoint}?tenant=acme"
    moved = replace(metadata, authorization_endpoint=endpoint)
    url = relying_party.authorization_url(moved, "c", REDIRECT_URI, "s", "n", "ch")
    assert url.startswith(f"{endpoint}&response_type=code")


FEATURE = "The authorization server feature is not enabled."
ERRORS = {
    "unassigned": (*NOT_ASSIGNED, "provider_denied", "not_assigned", "Assignments"),
    "policy": (
        "access_denied",
        "Policy evaluation failed for this request, please check the policy configurations.",
        "provider_denied",
        "policy",
        "Sign On › Authentication policy",
    ),
    "denied otherwise": ("access_denied", "", "provider_denied", "access_denied", "Assignments"),
    "custom server": ("server_error", FEATURE, "provider_misconfigured", "custom_server_unavailable", "Okta domain"),
    "A20 login_required": ("login_required", "", "provider_error", "login_required", None),
    "A20 temporarily_unavailable": (
        "temporarily_unavailable",
        "",
        "provider_unreachable",
        "temporarily_unavailable",
        None,
    ),
    "A20 canceled": ("user_canceled_request", "", "provider_denied", "canceled", None),
    "scope": (
        "invalid_scope",
        "",
        "provider_misconfigured",
        "invalid_scope",
        "Security › API › Authorization Servers › Scopes",
    ),
    "server_error": ("server_error", "", "provider_error", "server_error", None),
    "B02 html": ("<script>alert(1)</script>", "<b>", "provider_error", "unknown_error", None),
    "B02 CRLF": ("access_denied\r\nSet-Cookie: x", "", "provider_error", "unknown_error", None),
    "B02 8 kB": ("a" * 8192, "b" * 8192, "provider_error", "unknown_error", None),
    "B02 NUL": ("access_denied\x00", "", "provider_error", "unknown_error", None),
    "empty": ("", "", "provider_error", "unknown_error", None),
}


@pytest.mark.parametrize("row", ERRORS)
def test_an_error_response_is_explained_and_nothing_of_it_repeated(row: str) -> None:
    error, description, reason, detail, field = ERRORS[row]
    explained = explain_authorization_error(error, description)
    assert (explained.reason, explained.detail, explained.field) == (reason, detail, field)
    assert explained.explanation.endswith(".")
    assert not description or description not in explained.explanation


@pytest.mark.parametrize("told", ["That is not enabled here.", "No such feature.", "API Access Management is needed."])
def test_each_way_of_saying_that_custom_servers_are_missing_is_understood(told: str) -> None:
    assert explain_authorization_error("server_error", told).detail == "custom_server_unavailable"


def test_a20_what_the_person_has_to_do_at_the_provider_is_told_as_that() -> None:
    for code in ("login_required", "consent_required", "interaction_required", "account_selection_required"):
        assert "person to act there first" in explain_authorization_error(code, "").explanation
