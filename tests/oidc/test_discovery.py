"""Which metadata a provider may publish, and when they are asked for again."""

import json
from typing import Any

import pytest
from aiohttp import web
from support.oidc import TurnedClock, fails, sign_in
from support.okta import discovery_document
from support.provider import FakeProvider
from support.tokens import Json, rsa_key

from events.refusals import Refusal
from service.oidc.client import RelyingParty
from service.oidc.discovery import discovery_url, parse_metadata
from service.oidc.errors import OidcError
from service.oidc.policy import ProviderPolicy

ISSUER = "https://acme.okta.com"
STRICT = ProviderPolicy()
ABSENT = object()


def document(issuer: str = ISSUER, /, **changes: Any) -> Json:
    base = f"{issuer}/v1" if "/oauth2/" in issuer else f"{issuer}/oauth2/v1"
    right = discovery_document(issuer, lambda name: f"{base}/{name}", "RS256")
    return {name: value for name, value in {**right, **changes}.items() if value is not ABSENT}


@pytest.mark.parametrize("issuer", [ISSUER, f"{ISSUER}/oauth2/aus1acme"])
def test_what_okta_publishes_is_understood(issuer: str) -> None:
    metadata = parse_metadata(issuer, document(issuer), STRICT)
    assert metadata.issuer == issuer
    assert metadata.id_token_algs == {"RS256"}
    assert not metadata.iss_parameter_supported
    assert "query" in metadata.response_modes
    assert metadata.code_challenge_methods == ("S256",)


def test_members_that_may_be_left_out_have_the_standards_defaults() -> None:
    minimal = {
        name: value
        for name, value in document().items()
        if name in {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"}
    }
    metadata = parse_metadata(ISSUER, minimal, STRICT)
    assert metadata.token_auth_methods == ("client_secret_basic",)
    assert metadata.id_token_algs == {"RS256"}
    assert metadata.userinfo_endpoint is None


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        (ISSUER, f"{ISSUER}/.well-known/openid-configuration"),
        (f"{ISSUER}/", f"{ISSUER}/.well-known/openid-configuration"),
        (f"{ISSUER}/oauth2/default", f"{ISSUER}/oauth2/default/.well-known/openid-configuration"),
    ],
)
def test_discovery_is_below_the_issuer_with_one_slash(issuer: str, url: str) -> None:
    assert discovery_url(issuer) == url


REFUSED: dict[str, tuple[Json, str]] = {
    "H06 another issuer": ({"issuer": f"{ISSUER}INVALID"}, "discovery_issuer_mismatch"),
    "H06 slash at the end": ({"issuer": f"{ISSUER}/"}, "discovery_issuer_mismatch"),
    "H06 case": ({"issuer": "https://ACME.okta.com"}, "discovery_issuer_mismatch"),
    "H06 missing": ({"issuer": ABSENT}, "discovery_malformed"),
    "H06 array": ({"issuer": [ISSUER]}, "discovery_malformed"),
    "H07 missing": ({"token_endpoint": ABSENT}, "endpoint_refused"),
    "H07 other host": ({"token_endpoint": "https://evil.example/token"}, "endpoint_refused"),
    "H07 host that begins alike": ({"jwks_uri": "https://acme.okta.com.evil.example/"}, "endpoint_refused"),
    "H07 host below": ({"userinfo_endpoint": "https://x.acme.okta.com/"}, "endpoint_refused"),
    "H07 http": ({"authorization_endpoint": "http://acme.okta.com/authorize"}, "endpoint_refused"),
    "H07 userinfo": ({"token_endpoint": "https://acme.okta.com@evil.example/"}, "endpoint_refused"),
    "H07 fragment": ({"token_endpoint": f"{ISSUER}/token#x"}, "endpoint_refused"),
    "H07 IP address": ({"jwks_uri": "https://8.8.8.8/keys"}, "endpoint_refused"),
    "H07 metadata address": ({"jwks_uri": "https://169.254.169.254/latest"}, "endpoint_refused"),
    "H07 script": ({"authorization_endpoint": "javascript:alert(1)"}, "endpoint_refused"),
    "H07 port": ({"token_endpoint": "https://acme.okta.com:8443/token"}, "endpoint_refused"),
    "H07 CRLF": ({"token_endpoint": f"{ISSUER}/token\r\nX: y"}, "endpoint_refused"),
    "H07 backslash": ({"token_endpoint": "https://acme.okta.com\\@evil.example/"}, "endpoint_refused"),
    "H07 number": ({"token_endpoint": 17}, "endpoint_refused"),
    "H07 3 kB": ({"token_endpoint": f"{ISSUER}/{'x' * 3000}"}, "endpoint_refused"),
    "H07 logout elsewhere": ({"end_session_endpoint": "https://evil.example/"}, "endpoint_refused"),
    "no code flow": ({"response_types_supported": ["id_token"]}, "code_flow_missing"),
    "J01 none alone": ({"id_token_signing_alg_values_supported": ["none"]}, "algorithms_refused"),
    "J03 shared keys alone": ({"id_token_signing_alg_values_supported": ["HS256", "HS512"]}, "algorithms_refused"),
    "algorithms no list": ({"id_token_signing_alg_values_supported": "RS256"}, "discovery_malformed"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_metadata_that_cannot_be_believed_are_refused(row: str) -> None:
    changes, detail = REFUSED[row]
    with pytest.raises(OidcError) as refused:
        parse_metadata(ISSUER, document(**changes), STRICT)
    assert refused.value.detail == detail
    mismatch = detail == "discovery_issuer_mismatch"
    assert refused.value.reason == ("issuer_mismatch" if mismatch else "provider_misconfigured")


def test_only_what_is_acceptable_of_the_announced_algorithms_counts() -> None:
    announced = ["none", "HS256", "RS256", "ES256", 17, "XX"]
    metadata = parse_metadata(ISSUER, document(id_token_signing_alg_values_supported=announced), STRICT)
    assert metadata.id_token_algs == {"RS256", "ES256"}


def test_h07_endpoints_at_other_hosts_need_the_operators_leave() -> None:
    policy = ProviderPolicy(allowed_hosts=frozenset({"token.example", "keys.example:8443"}))
    metadata = parse_metadata(
        ISSUER,
        document(token_endpoint="https://token.example/t", jwks_uri="https://keys.example:8443/k"),
        policy,
    )
    assert metadata.token_endpoint == "https://token.example/t"
    with pytest.raises(OidcError):
        parse_metadata(ISSUER, document(token_endpoint="https://token.example:8443/t"), policy)


async def test_h06_another_issuer_in_the_document_stops_before_the_browser_leaves(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    """oidcc-client-test-discovery-issuer-mismatch: no authorization request may reach the provider."""
    provider.metadata_changes = {"issuer": provider.issuer + "INVALID"}
    error = await fails(relying_party.prepare(provider.issuer))
    assert error.reason == "issuer_mismatch"
    assert f"{provider.issuer}INVALID" in error.explanation
    assert not provider.requests("authorize")


async def test_metadata_are_asked_for_once_while_fresh_and_then_anew(
    relying_party: RelyingParty, provider: FakeProvider, clock: TurnedClock
) -> None:
    for seconds in (0, 3600, 8 * 3600):
        clock.advance(seconds)
        await relying_party.prepare(provider.issuer)
    assert len(provider.requests("discovery")) == 1
    clock.advance(4 * 3600)
    await relying_party.prepare(provider.issuer)
    assert len(provider.requests("discovery")) == 2


async def test_h08_metadata_that_changed_are_held_against_the_issuer_again(
    relying_party: RelyingParty, provider: FakeProvider, clock: TurnedClock
) -> None:
    """What was right before does not excuse what is wrong now."""
    await relying_party.prepare(provider.issuer)
    clock.advance(13 * 3600)
    provider.metadata_changes = {"token_endpoint": "https://evil.example/token"}
    assert (await fails(relying_party.prepare(provider.issuer))).detail == "endpoint_refused"
    clock.advance(11)
    provider.metadata_changes = {"issuer": "https://evil.example"}
    assert (await fails(relying_party.prepare(provider.issuer))).reason == "issuer_mismatch"


async def test_metadata_outlive_an_outage_by_a_day_at_most(
    relying_party: RelyingParty, provider: FakeProvider, clock: TurnedClock
) -> None:
    await relying_party.prepare(provider.issuer)
    provider.hooks["discovery"] = lambda _: web.Response(status=503)
    clock.advance(23 * 3600)
    assert (await relying_party.prepare(provider.issuer)).issuer == provider.issuer
    await sign_in(relying_party, provider)
    clock.advance(3601)
    assert (await fails(relying_party.prepare(provider.issuer))).reason == "provider_unreachable"


async def test_check_provider_asks_now_and_says_what_to_change(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    metadata = await relying_party.check_provider(provider.issuer, "okta")
    assert await relying_party.check_provider(provider.issuer, "okta") == metadata
    assert len(provider.requests("discovery")) == len(provider.requests("keys")) == 2


def missing(_: web.Request) -> web.Response:
    return web.json_response({"errorCode": "E0000015", "errorSummary": "no permission"}, status=401)


UNFIT: dict[str, tuple[dict[str, Any], str, str]] = {
    "no provider there": (
        {"hooks": {"discovery": lambda _: web.Response(status=404)}},
        "provider_invalid",
        "discovery_missing",
    ),
    "down": ({"hooks": {"discovery": lambda _: web.Response(status=502)}}, "provider_unreachable", "discovery_failed"),
    "html": (
        {"hooks": {"discovery": lambda _: web.Response(text="<html>")}},
        "provider_invalid",
        "discovery_malformed",
    ),
    "keys down": ({"hooks": {"keys": lambda _: web.Response(status=503)}}, "provider_unreachable", "keys_unreachable"),
    "J14 weak keys": ({"published": [rsa_key("weak", 1024)]}, "provider_invalid", "keys_unusable"),
    "issuer": ({"metadata_changes": {"issuer": "https://x.example"}}, "provider_invalid", "discovery_issuer_mismatch"),
    "no client secrets": (
        {"metadata_changes": {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}},
        "provider_invalid",
        "auth_methods_refused",
    ),
    "a custom server that is not there": (
        {"issuer_path": "/oauth2/aus404", "hooks": {"discovery": lambda _: web.Response(status=404)}},
        "provider_invalid",
        "discovery_missing",
    ),
    "the default custom server, which is not there": (
        {"issuer_path": "/oauth2/default", "hooks": {"discovery": lambda _: web.Response(status=404)}},
        "provider_invalid",
        "custom_server_unavailable",
    ),
    "custom server without the feature": (
        {"issuer_path": "/oauth2/aus1acme", "hooks": {"discovery": missing}},
        "provider_invalid",
        "custom_server_unavailable",
    ),
}


@pytest.mark.parametrize("row", UNFIT)
async def test_a_provider_at_which_nobody_could_sign_in_is_refused_before_it_is_recorded(
    relying_party: RelyingParty, row: str
) -> None:
    scenario, code, detail = UNFIT[row]
    async with FakeProvider(**scenario) as provider:
        with pytest.raises(Refusal) as refused:
            await relying_party.check_provider(provider.issuer, "okta")
    assert (refused.value.code, refused.value.details["detail"]) == (code, detail)
    assert refused.value.message.endswith(".")
    json.dumps(dict(refused.value.details))


async def test_h12_whoever_sets_up_a_provider_that_limits_is_told_when_to_ask_again(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    provider.hooks["discovery"] = lambda _: web.json_response({}, status=429, headers={"Retry-After": "17"})
    with pytest.raises(Refusal) as refused:
        await relying_party.check_provider(provider.issuer, "okta")
    assert (refused.value.code, refused.value.details["retry_after"]) == ("provider_unreachable", 17)


async def test_the_kind_of_provider_decides_how_its_name_is_read(relying_party: RelyingParty) -> None:
    assert relying_party.normalise("okta", "acme.okta.com/") == "https://acme.okta.com"
    assert relying_party.normalise("oidc", "https://login.acme.example/") == "https://login.acme.example/"
