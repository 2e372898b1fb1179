"""Which claims of a rightly signed ID token end the login (OIDC Core 3.1.3.7)."""

import time
from typing import Any

import pytest
from joserfc.jwk import Key
from support.forgeries import CLAIMS as FORGED
from support.forgeries import LEEWAY, MOST_AGE
from support.tokens import Json, ec_key, half_hash, jwk_set, okp_key, rsa_key, sign

from service.oidc.errors import OidcError
from service.oidc.id_token import Claims, validate_id_token
from service.oidc.jwks import parse_keys

NOW = int(time.time())
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
KEYS = parse_keys(jwk_set(rsa_key(), ec_key(), okp_key()))


def changed(**changes: Any) -> Json:
    return {**CLAIMS, **changes}


def judge(payload: Json, alg: str = "RS256") -> Claims:
    key: Key = okp_key() if alg == "EdDSA" else ec_key() if alg == "ES256" else rsa_key()
    return judge_token(sign({"alg": alg, "kid": key.kid}, payload, key, alg), alg)


def judge_token(token: str, alg: str = "RS256") -> Claims:
    return validate_id_token(
        token,
        KEYS,
        issuer=ISSUER,
        client_id=CLIENT_ID,
        nonce=NONCE,
        algorithms=frozenset({alg}),
        access_token=ACCESS_TOKEN,
        code=CODE,
        now=NOW,
        leeway=LEEWAY,
        max_age=MOST_AGE,
    )


@pytest.mark.parametrize("row", FORGED)
def test_a_claim_that_does_not_hold_ends_the_login_with_its_own_detail(row: str) -> None:
    forged = FORGED[row]
    with pytest.raises(OidcError) as refused:
        judge_token(forged.make({"alg": "RS256", "kid": "okta-1"}, CLAIMS))
    assert refused.value.detail == forged.detail
    expected = "issuer_mismatch" if forged.detail == "id_token_issuer_mismatch" else "id_token_invalid"
    assert refused.value.reason == expected
    *before, last = refused.value.checks.values()
    assert last == "failed"
    assert "failed" not in before


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


@pytest.mark.parametrize(("claim", "check"), [("at_hash", "access_token_hash"), ("c_hash", "code_hash")])
def test_a_half_hash_of_what_was_not_sent_is_told_as_absent(claim: str, check: str) -> None:
    """There is nothing to hold it against; nobody reads it as passed."""
    token = sign({"alg": "RS256", "kid": rsa_key().kid}, changed(**{claim: "x"}), rsa_key(), "RS256")
    claims = validate_id_token(
        token,
        KEYS,
        issuer=ISSUER,
        client_id=CLIENT_ID,
        nonce=NONCE,
        algorithms=frozenset({"RS256"}),
        now=NOW,
        leeway=LEEWAY,
        max_age=MOST_AGE,
    )
    assert claims.checks[check] == "absent"


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
