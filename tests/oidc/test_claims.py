"""Which claims of a rightly signed ID token end the login (OIDC Core 3.1.3.7)."""

import json
import time
from typing import Any

import pytest
from joserfc.jwk import Key
from support.tokens import Json, ec_key, half_hash, jwk_set, okp_key, rsa_key, sign

from service.oidc.errors import OidcError
from service.oidc.id_token import Claims, validate_id_token
from service.oidc.jwks import parse_keys

NOW = int(time.time())
LEEWAY = 60
MOST_AGE = 600
ISSUER = "https://acme.okta.com"
CLIENT_ID = "0oa17n5acme"
NONCE = "Nonce-of-this-login"
ACCESS_TOKEN = "access-token"
CODE = "code-1"
CLAIMS: Json = {
    "iss": ISSUER,
    "aud": CLIENT_ID,
    "sub": "00u17ada1acme",
    "iat": NOW,
    "exp": NOW + 3600,
    "nonce": NONCE,
}
ABSENT = object()
HUGE = b"1e400"
KEYS = parse_keys(jwk_set(rsa_key(), ec_key(), okp_key()))


def changed(**changes: Any) -> Json:
    return {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ABSENT}


def judge(payload: Json | bytes, alg: str = "RS256", issuer: str = ISSUER) -> Claims:
    key: Key = okp_key() if alg == "EdDSA" else ec_key() if alg == "ES256" else rsa_key()
    return validate_id_token(
        sign({"alg": alg, "kid": key.kid}, payload, key, alg),
        KEYS,
        issuer=issuer,
        client_id=CLIENT_ID,
        nonce=NONCE,
        algorithms=frozenset({alg}),
        access_token=ACCESS_TOKEN,
        code=CODE,
        now=NOW,
        leeway=LEEWAY,
        max_age=MOST_AGE,
    )


REFUSED: dict[str, tuple[Json, str]] = {
    "C01 slash at the end": ({"iss": ISSUER + "/"}, "id_token_issuer_mismatch"),
    "C01 case": ({"iss": "https://ACME.okta.com"}, "id_token_issuer_mismatch"),
    "C01 port 443 written": ({"iss": ISSUER + ":443"}, "id_token_issuer_mismatch"),
    "C01 http": ({"iss": "http://acme.okta.com"}, "id_token_issuer_mismatch"),
    "C01 suffix": ({"iss": ISSUER + ".evil.example"}, "id_token_issuer_mismatch"),
    "C01 another tenant": ({"iss": "https://rival.okta.com"}, "id_token_issuer_mismatch"),
    "C01 custom server": ({"iss": ISSUER + "/oauth2/default"}, "id_token_issuer_mismatch"),
    "C01 array": ({"iss": [ISSUER]}, "iss_missing"),
    "C01 missing": ({"iss": ABSENT}, "iss_missing"),
    "C02 missing": ({"aud": ABSENT}, "aud_mismatch"),
    "C02 null": ({"aud": None}, "aud_mismatch"),
    "C02 another client's": ({"aud": CLIENT_ID + "1"}, "aud_mismatch"),
    "C02 a longer text around ours": ({"aud": f"{CLIENT_ID} other"}, "aud_mismatch"),
    "C02 empty list": ({"aud": []}, "aud_mismatch"),
    "C02 object": ({"aud": {}}, "aud_mismatch"),
    "C02 nested list": ({"aud": [[CLIENT_ID]]}, "aud_mismatch"),
    "C02 number": ({"aud": 1}, "aud_mismatch"),
    "C03 ours and another, no azp": ({"aud": [CLIENT_ID, "other"]}, "aud_untrusted"),
    "C03 ours and another, azp ours": ({"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID}, "aud_untrusted"),
    "C03 ours and a number": ({"aud": [CLIENT_ID, 1]}, "aud_untrusted"),
    "C03 azp another": ({"azp": "other"}, "azp_mismatch"),
    "C03 azp list": ({"azp": [CLIENT_ID]}, "azp_mismatch"),
    "C03 azp null": ({"azp": None}, "azp_mismatch"),
    "C04 missing": ({"exp": ABSENT}, "exp_missing"),
    "C04 past beyond leeway": ({"exp": NOW - LEEWAY - 1}, "expired"),
    "C04 past by exactly the leeway": ({"exp": NOW - LEEWAY}, "expired"),
    "C04 text": ({"exp": str(NOW + 3600)}, "exp_missing"),
    "C04 boolean": ({"exp": True}, "exp_missing"),
    "C04 negative": ({"exp": -1}, "expired"),
    "C04 null": ({"exp": None}, "exp_missing"),
    "C05 missing": ({"iat": ABSENT}, "iat_missing"),
    "C05 future beyond leeway": ({"iat": NOW + LEEWAY + 1}, "iat_in_future"),
    "C05 too old": ({"iat": NOW - MOST_AGE - LEEWAY - 1}, "iat_too_old"),
    "C05 text": ({"iat": str(NOW)}, "iat_missing"),
    "C05 boolean": ({"iat": False}, "iat_missing"),
    "C06 future beyond leeway": ({"nbf": NOW + LEEWAY + 1}, "nbf_in_future"),
    "C06 text": ({"nbf": "now"}, "nbf_in_future"),
    "C07 missing": ({"nonce": ABSENT}, "nonce_missing"),
    "C07 another": ({"nonce": "nonce-of-another-login"}, "nonce_mismatch"),
    "C07 list with ours": ({"nonce": [NONCE]}, "nonce_mismatch"),
    "C07 empty": ({"nonce": ""}, "nonce_mismatch"),
    "C07 other case": ({"nonce": NONCE.lower()}, "nonce_mismatch"),
    "C07 lone surrogate": ({"nonce": "\ud800"}, "nonce_mismatch"),
    "C09 missing": ({"sub": ABSENT}, "sub_invalid"),
    "C09 empty": ({"sub": ""}, "sub_invalid"),
    "C09 number": ({"sub": 17}, "sub_invalid"),
    "C09 256 characters": ({"sub": "s" * 256}, "sub_invalid"),
    "C09 NUL": ({"sub": "00u\x00"}, "sub_invalid"),
    "C09 not ASCII": ({"sub": "00ü"}, "sub_invalid"),
    "C09 list": ({"sub": ["00u"]}, "sub_invalid"),
    "C10 at_hash wrong": ({"at_hash": half_hash("other")}, "at_hash_mismatch"),
    "C10 at_hash of the whole digest": ({"at_hash": half_hash(ACCESS_TOKEN) * 2}, "at_hash_mismatch"),
    "C10 at_hash no text": ({"at_hash": 1}, "at_hash_mismatch"),
    "C10 c_hash wrong": ({"c_hash": half_hash("other")}, "c_hash_mismatch"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_a_claim_that_does_not_hold_ends_the_login_with_its_own_detail(row: str) -> None:
    changes, detail = REFUSED[row]
    with pytest.raises(OidcError) as refused:
        judge(changed(**changes))
    assert refused.value.detail == detail
    expected = "issuer_mismatch" if detail == "id_token_issuer_mismatch" else "id_token_invalid"
    assert refused.value.reason == expected
    *before, last = refused.value.checks.values()
    assert last == "failed"
    assert "failed" not in before


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("number", [HUGE, b"-1e400", b"1" + b"0" * 400])
def test_c04_numbers_beyond_every_clock_are_no_times(name: str, number: bytes) -> None:
    payload = json.dumps(changed(**{name: "?"})).encode().replace(b'"?"', number)
    with pytest.raises(OidcError) as refused:
        judge(payload)
    assert refused.value.detail == {"exp": "exp_missing", "iat": "iat_missing", "nbf": "nbf_in_future"}[name]


ACCEPTED: dict[str, Json] = {
    "all in order": {},
    "C02 list of ours alone": {"aud": [CLIENT_ID]},
    "C03 azp ours": {"azp": CLIENT_ID},
    "C04 past within leeway": {"exp": NOW - LEEWAY + 1},
    "C04 with a fraction": {"exp": NOW + 0.5},
    "C05 future by the leeway": {"iat": NOW + LEEWAY},
    "C05 as old as it may be": {"iat": NOW - MOST_AGE - LEEWAY},
    "C06 within leeway": {"nbf": NOW + LEEWAY},
    "C09 255 characters": {"sub": "s" * 255},
    "C10 at_hash right": {"at_hash": half_hash(ACCESS_TOKEN)},
    "C10 c_hash right": {"c_hash": half_hash(CODE)},
}


@pytest.mark.parametrize("row", ACCEPTED)
def test_claims_at_the_edge_of_what_holds_are_accepted(row: str) -> None:
    claims = changed(**ACCEPTED[row])
    assert judge(claims).subject == claims["sub"]


@pytest.mark.parametrize(
    ("alg", "digest"),
    [("RS384", "sha384"), ("PS512", "sha512"), ("ES256", "sha256"), ("EdDSA", "sha512")],
)
def test_c10_at_hash_goes_by_the_hash_of_the_tokens_own_algorithm(alg: str, digest: str) -> None:
    assert judge(changed(at_hash=half_hash(ACCESS_TOKEN, digest)), alg).checks["access_token_hash"] == "passed"
    other = "sha256" if digest != "sha256" else "sha512"
    with pytest.raises(OidcError, match="at_hash_mismatch"):
        judge(changed(at_hash=half_hash(ACCESS_TOKEN, other)), alg)


def test_b22_a_wrong_clock_is_named_with_its_seconds() -> None:
    with pytest.raises(OidcError) as ahead:
        judge(changed(iat=NOW + 300))
    assert "300 seconds ahead" in ahead.value.explanation
    with pytest.raises(OidcError) as late:
        judge(changed(exp=NOW - 90))
    assert "90 seconds ago" in late.value.explanation


def test_an_issuer_that_a_custom_domain_changed_is_explained_with_both_and_the_okta_field() -> None:
    with pytest.raises(OidcError) as refused:
        judge(changed(iss="https://login.acme.example"))
    assert refused.value.reason == "issuer_mismatch"
    assert "https://login.acme.example" in refused.value.explanation
    assert ISSUER in refused.value.explanation
    assert refused.value.field == "Sign On › OpenID Connect ID Token › Issuer"


def test_what_a_token_says_is_cut_and_cleaned_before_it_is_shown() -> None:
    with pytest.raises(OidcError) as refused:
        judge(changed(iss="\x1b[31m\r\n\u202e" + "x" * 5000))
    assert refused.value.explanation.isprintable()
    assert len(refused.value.explanation) < 500
