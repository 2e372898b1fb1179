"""What the token endpoint may answer, and what its refusals mean."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest
from aiohttp import web
from pydantic import SecretStr
from support.oidc import credentials_at, fails, sign_in
from support.okta import DPOP_REQUIRED, WRONG_SECRET, okta_headers
from support.provider import FakeProvider
from support.tokens import Json

from service.oidc.client import RelyingParty
from service.oidc.tokens import basic_authorization

CLIENT_SECRETS = "General › Client Credentials › Client secrets"
DPOP_FIELD = (
    "General › General Settings › Proof of possession › "
    "Require Demonstrating Proof of Possession (DPoP) header in token requests"
)


def error(code: str, description: str | None = None) -> Json:
    return {"error": code} | ({} if description is None else {"error_description": description})


def okta_error(code: str, summary: str) -> Json:
    return {"errorCode": code, "errorSummary": summary, "errorId": "oae1", "errorCauses": []}


FEATURE = "You do not have permission to access the feature you are requesting"
REFUSALS: dict[str, tuple[int, Json, str, str, str | None]] = {
    "H10 invalid_grant": (
        400,
        error("invalid_grant", "The authorization code is invalid or has expired."),
        "code_rejected",
        "code_expired",
        None,
    ),
    "H10 invalid_grant alone": (400, error("invalid_grant"), "code_rejected", "code_expired", None),
    "H10 redirect URI": (
        400,
        error("invalid_grant", "The 'redirect_uri' does not match the redirection URI used in the request."),
        "code_rejected",
        "redirect_uri_mismatch",
        "General › Login › Sign-in redirect URIs",
    ),
    "A07 PKCE": (400, error("invalid_grant", "PKCE verification failed."), "code_rejected", "pkce_mismatch", None),
    "A07 PKCE, told by the verifier": (
        400,
        error("invalid_grant", "The code_verifier does not match the challenge."),
        "code_rejected",
        "pkce_mismatch",
        None,
    ),
    "H10 wrong or expired secret": (401, WRONG_SECRET, "provider_misconfigured", "client_secret_wrong", CLIENT_SECRETS),
    "H10 unknown client": (
        401,
        error("invalid_client", "Invalid value for 'client_id' parameter."),
        "provider_misconfigured",
        "client_id_wrong",
        "General › Client Credentials › Client ID",
    ),
    "H10 other authentication": (
        401,
        error("invalid_client", "The client is not allowed to use this authentication method."),
        "provider_misconfigured",
        "auth_method_refused",
        "General › Client Credentials › Client authentication",
    ),
    "H10 invalid_client alone": (
        401,
        error("invalid_client"),
        "provider_misconfigured",
        "client_refused",
        CLIENT_SECRETS,
    ),
    "X05 DPoP left on": (400, DPOP_REQUIRED, "provider_misconfigured", "dpop_required", DPOP_FIELD),
    "X05 DPoP nonce wanted": (400, error("use_dpop_nonce"), "provider_misconfigured", "dpop_required", DPOP_FIELD),
    "grant type off": (
        400,
        error("unauthorized_client", "The client is not authorized to use the provided grant type."),
        "provider_misconfigured",
        "grant_type_refused",
        "General › General Settings › Grant type",
    ),
    "scope": (
        400,
        error("invalid_scope"),
        "provider_misconfigured",
        "scope_refused",
        "Security › API › Authorization Servers › Scopes",
    ),
    "policy": (
        400,
        error("access_denied", "Policy evaluation failed for this request."),
        "provider_denied",
        "policy",
        "Sign On › Authentication policy",
    ),
    "invalid_request": (400, error("invalid_request"), "provider_error", "token_request_refused", None),
    "Okta's own shape": (
        403,
        okta_error("E0000006", "You do not have permission"),
        "provider_error",
        "token_refused",
        None,
    ),
    "custom server without the feature": (
        403,
        okta_error("E0000015", FEATURE),
        "provider_misconfigured",
        "custom_server_unavailable",
        "Okta domain",
    ),
    "custom server without the feature, told by the code alone": (
        403,
        okta_error("E0000015", "Forbidden"),
        "provider_misconfigured",
        "custom_server_unavailable",
        "Okta domain",
    ),
    "H10 other authentication, in fewer words": (
        401,
        error("invalid_client", "Auth method refused."),
        "provider_misconfigured",
        "auth_method_refused",
        "General › Client Credentials › Client authentication",
    ),
    "H10 unknown client, in two words": (
        401,
        error("invalid_client", "Unknown client ID."),
        "provider_misconfigured",
        "client_id_wrong",
        "General › Client Credentials › Client ID",
    ),
    "custom server in the standard's shape": (
        400,
        error("server_error", "The feature is not enabled."),
        "provider_misconfigured",
        "custom_server_unavailable",
        "Okta domain",
    ),
    "unknown": (400, error("teapot", "short and stout"), "provider_error", "token_refused", None),
    "H09 error with status 200": (200, error("invalid_grant"), "code_rejected", "code_expired", None),
    "error a list": (400, {"error": ["invalid_grant"]}, "provider_error", "token_refused", None),
    "description a number": (
        401,
        {"error": "invalid_client", "error_description": 5},
        "provider_misconfigured",
        "client_refused",
        CLIENT_SECRETS,
    ),
    "H11 500": (500, {}, "provider_error", "token_endpoint_failed", None),
    "H11 503": (503, error("temporarily_unavailable"), "provider_error", "token_endpoint_failed", None),
}


@pytest.mark.parametrize("row", REFUSALS)
async def test_a_refusal_names_whose_turn_it_is_and_the_code_goes_out_once(
    relying_party: RelyingParty, provider: FakeProvider, row: str
) -> None:
    status, body, reason, detail, field = REFUSALS[row]
    provider.hooks["token"] = lambda _: web.json_response(body, status=status, headers=okta_headers("no-store"))
    failed = await fails(sign_in(relying_party, provider))
    assert (failed.reason, failed.detail, failed.field) == (reason, detail, field)
    assert failed.checks == {"code_exchange": "failed"}
    assert failed.explained("okta").endswith(" Okta's request id is a1b2c3d4e5f6."), "its support asks for it"
    assert len(provider.requests("token")) == 1
    assert not provider.requests("keys")


async def test_what_a_refusal_says_is_compared_and_not_repeated(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    description = "client secret <script>alert(1)</script>\r\n" + "x" * 5000
    headers = {"X-Okta-Request-Id": "<script>"}
    provider.hooks["token"] = lambda _: web.json_response(
        error("invalid_client", description), status=401, headers=headers
    )
    failed = await fails(sign_in(relying_party, provider))
    assert failed.detail == "client_secret_wrong"
    assert "script" not in str(vars(failed))
    assert failed.explained("okta").isprintable()


def answer(body: Any, **more: Any) -> Callable[[web.Request], web.Response]:
    return lambda _: web.Response(body=body, **{"content_type": "application/json", **more})


GOOD = {"token_type": "Bearer", "access_token": "at", "id_token": "a.b.c", "expires_in": 3600}


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


def with_member(**members: Any) -> bytes:
    return json.dumps({**GOOD, **members}).encode()


MALFORMED: dict[str, tuple[Callable[[web.Request], web.Response], str]] = {
    "H09 html": (answer(b"<html></html>", content_type="text/html"), "token_answer_malformed"),
    "H09 other content type": (answer(with_member(), content_type="text/plain"), "token_answer_malformed"),
    "H09 html under a JSON type": (answer(b"<html></html>"), "token_answer_malformed"),
    "H09 empty": (answer(b""), "token_answer_malformed"),
    "H09 array": (answer(b"[]"), "token_answer_malformed"),
    "H09 byte order mark": (answer(b"\xef\xbb\xbf" + with_member()), "token_answer_malformed"),
    "H09 members twice": (answer(with_member()[:-1] + b',"id_token":"x.y.z"}'), "token_answer_malformed"),
    "H09 DPoP": (answer(with_member(token_type="DPoP")), "dpop_required"),
    "H09 token_type missing": (answer(without("token_type")), "token_type_refused"),
    "H09 token_type MAC": (answer(with_member(token_type="mac")), "token_type_refused"),
    "H09 no id_token": (answer(without("id_token")), "id_token_missing"),
    "H09 id_token list": (answer(with_member(id_token=["a.b.c"])), "id_token_missing"),
    "H09 id_token empty": (answer(with_member(id_token="")), "id_token_missing"),
    "H09 no access_token": (answer(without("access_token")), "access_token_missing"),
    "H09 access_token splits headers": (answer(with_member(access_token="a\r\nX:y")), "access_token_missing"),
    "H09 access_token of two words": (answer(with_member(access_token="a b")), "access_token_missing"),
    "H09 access_token not ASCII": (answer(with_member(access_token="é")), "access_token_missing"),
    "H09 access_token 1 MB": (answer(with_member(access_token="a" * 900_000)), "access_token_missing"),
    "H09 2 MB": (answer(b" " * 2_000_000), "answer_too_large"),
    "H10 401 html": (answer(b"<html>", status=401, content_type="text/html"), "token_refused"),
}


@pytest.mark.parametrize("row", MALFORMED)
async def test_an_answer_that_is_no_token_answer_is_a_clear_error(
    relying_party: RelyingParty, provider: FakeProvider, row: str
) -> None:
    hook, detail = MALFORMED[row]
    provider.hooks["token"] = hook
    failed = await fails(sign_in(relying_party, provider))
    assert failed.detail == detail
    assert failed.reason in {"provider_error", "provider_misconfigured"}
    assert len(provider.requests("token")) == 1


async def test_the_case_of_bearer_does_not_matter(relying_party: RelyingParty, provider: FakeProvider) -> None:
    provider.token_changes = {"token_type": "bearer"}
    assert (await sign_in(relying_party, provider)).subject == "00u17ada1acme"


async def test_a_wrong_secret_is_recognised_at_the_provider_itself(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    credentials = credentials_at(provider, client_secret=SecretStr("expired"))
    assert (await fails(sign_in(relying_party, provider, credentials=credentials))).detail == "client_secret_wrong"


@pytest.mark.parametrize("secret", ["plain", "a:b/c%d e+f", "ü€🔑", '"\\', "%3A"])
def test_x04_both_parts_of_the_basic_header_are_form_urlencoded_first(secret: str) -> None:
    header = basic_authorization("id:with colon", SecretStr(secret))
    sent = base64.b64decode(header.removeprefix("Basic ")).decode("ascii").split(":")
    assert [unquote_plus(part) for part in sent] == ["id:with colon", secret]


UNDECODED = {
    "X04 unusual signs, by basic": ("client_secret_basic", "s3cret/+:% é", True),
    "X04 a space, by basic": ("client_secret_basic", "s3cret of acme", True),
    "X04 unusual signs, by post": ("client_secret_post", "s3cret/+:% é", False),
    "X04 nothing to encode, by basic": ("client_secret_basic", "s3cret-_.~of-acme", False),
}


@pytest.mark.parametrize("refusal", [WRONG_SECRET, error("invalid_client"), error("unauthorized_client"), {}])
@pytest.mark.parametrize("row", UNDECODED)
async def test_a_secret_that_a_provider_may_not_have_decoded_is_pointed_out(
    relying_party: RelyingParty, provider: FakeProvider, row: str, refusal: Json
) -> None:
    """To whoever runs a provider that is not Okta, which decodes; and without a word of what the secret is."""
    method, secret, is_told = UNDECODED[row]
    provider.hooks["token"] = lambda _: web.json_response(refusal, status=401)
    credentials = credentials_at(provider, auth_method=method, client_secret=SecretStr(secret))
    failed = await fails(sign_in(relying_party, provider, credentials=credentials))
    assert ("client_secret_post" in failed.explained("oidc")) is is_told
    assert "client_secret_post" not in failed.explained("okta")
    assert secret not in failed.explained("oidc")


async def test_a_code_that_is_refused_says_nothing_of_the_secret(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    provider.hooks["token"] = lambda _: web.json_response(error("invalid_grant"), status=400)
    assert "client_secret_post" not in (await fails(sign_in(relying_party, provider))).explained("oidc")


async def test_x04_a_provider_that_decodes_nothing_takes_the_secret_by_post(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    """The secret holds what a form encodes: it arrives in the body as it was made, whatever the provider decodes."""
    credentials = credentials_at(provider, auth_method="client_secret_post")
    assert (await sign_in(relying_party, provider, credentials=credentials)).subject == "00u17ada1acme"
    (asked,) = provider.requests("token")
    assert "Authorization" not in asked.headers
