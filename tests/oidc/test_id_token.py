"""What is no ID token, by form and signature (RFC 7515, RFC 8725)."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import OctKey
from support.forgeries import CLIENT_SECRET, TOKENS
from support.tokens import Json, ec_key, jwk_set, okp_key, public_jwk, rsa_key, sign

from service.oidc.errors import OidcError
from service.oidc.id_token import Claims, validate_id_token
from service.oidc.jwks import SigningKeys, parse_keys

NOW = int(time.time())
ISSUER = "https://acme.okta.com"
CLIENT_ID = "0oa17n5acme"
HEADER: Json = {"kid": "okta-1", "alg": "RS256"}
CLAIMS: Json = {
    "iss": ISSUER,
    "aud": CLIENT_ID,
    "sub": "00u17ada1acme",
    "iat": NOW,
    "exp": NOW + 3600,
    "nonce": "n-1",
    "email": "ada@acme.example",
}
PUBLISHED = parse_keys(jwk_set(rsa_key()))


def judge(
    token: str, keys: SigningKeys = PUBLISHED, algorithms: frozenset[str] = frozenset({"RS256"}), **more: Any
) -> Claims:
    return validate_id_token(
        token,
        keys,
        issuer=ISSUER,
        client_id=CLIENT_ID,
        nonce="n-1",
        algorithms=algorithms,
        now=NOW,
        **more,
    )


def signed(header: Json | bytes = HEADER, payload: Json | bytes = CLAIMS, alg: str = "RS256") -> str:
    return sign(header, payload, rsa_key(), alg)


def with_header(**members: Any) -> str:
    return signed({**HEADER, **members})


@pytest.mark.parametrize("row", TOKENS)
def test_what_is_not_plainly_a_signed_id_token_is_refused_for_the_right_reason(row: str) -> None:
    forged = TOKENS[row]
    with pytest.raises(OidcError) as refused:
        judge(forged.make(HEADER, CLAIMS))
    assert (refused.value.reason, refused.value.detail) == ("id_token_invalid", forged.detail)
    assert "failed" in refused.value.checks.values()


ACCEPTED: dict[str, Callable[[], str]] = {
    "as Okta sends it": signed,
    "J09 kid absent and one key": lambda: signed({"alg": "RS256"}),
    "C10 at_hash where there is no access token to hold it against": lambda: signed(payload={**CLAIMS, "at_hash": "x"}),
    "typ JWT": lambda: with_header(typ="JWT"),
    "unknown header members are ignored (RFC 7515 4)": lambda: with_header(tenant="acme", x5t="abc"),
    "claims of many kinds": lambda: signed(payload={**CLAIMS, "groups": ["a", 1, None], "x": {"y": [1.5]}}),
    "C17 many groups within 64 KiB": lambda: signed(payload={**CLAIMS, "groups": ["g"] * 8000}),
}


@pytest.mark.parametrize("row", ACCEPTED)
def test_what_is_plainly_a_signed_id_token_is_accepted(row: str) -> None:
    assert judge(ACCEPTED[row]()).subject == "00u17ada1acme"


@pytest.mark.parametrize(
    ("alg", "key"),
    [
        ("PS384", rsa_key()),
        ("ES256", ec_key()),
        ("ES512", ec_key("e5", "P-521")),
        ("EdDSA", okp_key()),
        ("Ed25519", okp_key()),
    ],
)
def test_j04_every_asymmetric_algorithm_counts_where_the_provider_announces_it(alg: str, key: Any) -> None:
    """Keys are bound to a family of algorithms, so that announcing several opens no confusion between them."""
    token = sign({"alg": alg, "kid": key.kid}, CLAIMS, key, alg)
    assert judge(token, parse_keys(jwk_set(key)), frozenset({alg})).subject == "00u17ada1acme"


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_j01_j03_symmetric_and_absent_signatures_count_nowhere_even_if_announced(alg: str) -> None:
    token = sign({**HEADER, "alg": alg}, CLAIMS, OctKey.import_key(CLIENT_SECRET), alg) + (
        "AAAA" if alg == "none" else ""
    )
    with pytest.raises(OidcError) as refused:
        judge(token, PUBLISHED, frozenset({alg}))
    assert refused.value.detail == "alg_refused"


def test_j04_an_elliptic_signature_is_not_tried_with_an_rsa_key() -> None:
    token = sign({**HEADER, "alg": "ES256"}, CLAIMS, ec_key(), "ES256")
    with pytest.raises(OidcError) as refused:
        judge(token, PUBLISHED, frozenset({"RS256", "ES256"}))
    assert refused.value.detail == "kid_unknown"


def test_j09_kid_absent_among_several_keys_is_refused() -> None:
    """oidcc-client-test-kid-absent-multiple-jwks: which key signed has to be said."""
    keys = parse_keys(jwk_set(rsa_key(), rsa_key("okta-2")))
    with pytest.raises(OidcError) as refused:
        judge(signed({"alg": "RS256"}), keys)
    assert refused.value.detail == "kid_missing"


def test_j09_kid_absent_among_keys_of_different_kinds_finds_the_one_of_its_algorithm() -> None:
    keys = parse_keys(jwk_set(ec_key(), rsa_key()))
    assert judge(signed({"alg": "RS256"}), keys).subject == "00u17ada1acme"


def test_two_published_keys_of_one_name_are_both_tried() -> None:
    older = public_jwk(rsa_key("older"), kid="okta-1")
    keys = parse_keys({"keys": [older, public_jwk(rsa_key())]})
    assert judge(signed(), keys).subject == "00u17ada1acme"


@pytest.mark.parametrize("token", [None, 5, b"x", ["x"]])
def test_what_is_no_text_is_an_invalid_token_too(token: Any) -> None:
    with pytest.raises(OidcError, match="id_token_invalid"):
        judge(token)
