"""What is no ID token, by form and signature (RFC 7515, RFC 8725)."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey
from support.tokens import Json, as_json, base64url, ec_key, jwk_set, okp_key, public_jwk, rsa_key, sign

from service.oidc.errors import OidcError
from service.oidc.id_token import Claims, validate_id_token
from service.oidc.jwks import SigningKeys, parse_keys

NOW = int(time.time())
ISSUER = "https://acme.okta.com"
CLIENT_ID = "0oa17n5acme"
CLIENT_SECRET = "the secret of the client, of enough bytes"
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


def hs256(secret: bytes) -> str:
    text = f"{base64url(as_json({**HEADER, 'alg': 'HS256'}))}.{base64url(as_json(CLAIMS))}"
    return f"{text}.{base64url(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def foreign() -> RSAKey:
    return rsa_key("attacker")


def spoofed(**header: Any) -> str:
    """A token of an attacker's key, under the name of the published one."""
    return sign({**HEADER, **header}, CLAIMS, foreign(), "RS256")


def deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


VALID = signed()

REFUSED: dict[str, tuple[Callable[[], str], str]] = {
    "J01 none": (lambda: sign({"alg": "none"}, CLAIMS, None, "none"), "token_malformed"),
    "J01 NONE with a signature": (lambda: with_header(alg="NONE"), "alg_refused"),
    "J01 NoNe with a signature": (lambda: with_header(alg="NoNe"), "alg_refused"),
    "J01 none with a signature": (lambda: with_header(alg="none"), "alg_refused"),
    "J02 HS256 by the public key's PEM": (lambda: hs256(rsa_key().as_pem(private=False)), "alg_refused"),
    "J02 HS256 by the public key's DER": (lambda: hs256(rsa_key().as_der(private=False)), "alg_refused"),
    "J02 HS256 by the public key's JWK": (lambda: hs256(json.dumps(public_jwk(rsa_key())).encode()), "alg_refused"),
    "J03 HS256 by the client secret": (lambda: hs256(CLIENT_SECRET.encode()), "alg_refused"),
    "J04 an algorithm that the provider does not announce": (
        lambda: sign({**HEADER, "alg": "RS512"}, CLAIMS, rsa_key(), "RS512"),
        "alg_refused",
    ),
    "J04 alg missing": (lambda: signed({"kid": "okta-1"}), "alg_refused"),
    "J04 alg a list": (lambda: with_header(alg=["RS256"]), "alg_refused"),
    "J04 several in one text": (lambda: with_header(alg="RS256 HS256"), "alg_refused"),
    "J05 a key in the header": (lambda: spoofed(jwk=public_jwk(foreign())), "key_in_header"),
    "J05 an elliptic key in the header": (lambda: spoofed(jwk=public_jwk(ec_key())), "key_in_header"),
    "J06 jku": (lambda: with_header(jku="http://127.0.0.1:1/keys"), "key_in_header"),
    "J06 x5u": (lambda: with_header(x5u="http://127.0.0.1:1/cert"), "key_in_header"),
    "J06 x5c": (lambda: with_header(x5c=["MIIB"]), "key_in_header"),
    "J07 crit of an unknown extension": (lambda: with_header(crit=["exp"], exp=1), "crit_refused"),
    "J07 crit b64 true": (lambda: with_header(crit=["b64"], b64=True), "crit_refused"),
    "J07 crit b64 false": (lambda: with_header(crit=["b64"], b64=False), "crit_refused"),
    "J07 b64 without crit": (lambda: with_header(b64=True), "crit_refused"),
    "J07 crit empty": (lambda: with_header(crit=[]), "crit_refused"),
    "J07 crit a text": (lambda: with_header(crit="b64"), "crit_refused"),
    "J08 kid a path": (lambda: with_header(kid="../../../../dev/null"), "kid_unknown"),
    "J08 kid an SQL statement": (lambda: with_header(kid="' or 1=1 --"), "kid_unknown"),
    "J08 kid of 10 kB": (lambda: with_header(kid="k" * 10_000), "header_malformed"),
    "J08 kid with NUL": (lambda: with_header(kid="okta-1\x00"), "kid_unknown"),
    "J08 kid a list": (lambda: with_header(kid=["okta-1"]), "kid_invalid"),
    "J08 kid a number": (lambda: with_header(kid=1), "kid_invalid"),
    "J08 kid null": (lambda: with_header(kid=None), "kid_invalid"),
    "J08 kid empty": (lambda: with_header(kid=""), "kid_invalid"),
    "J18 encrypted": (lambda: f"{VALID}.AAAA.AAAA", "token_encrypted"),
    "J19 JSON serialization": (lambda: json.dumps({"payload": "e30", "signatures": []}), "token_malformed"),
    "J19 nested": (lambda: signed({**HEADER, "cty": "JWT"}, VALID.encode()), "typ_refused"),
    "J19 nested without cty": (lambda: signed(payload=VALID.encode()), "payload_malformed"),
    "J19 detached payload": (lambda: "{0}..{2}".format(*VALID.split(".")), "token_malformed"),
    "J20 logout token": (lambda: with_header(typ="logout+jwt"), "typ_refused"),
    "J20 access token": (lambda: with_header(typ="at+jwt"), "typ_refused"),
    "J20 typ a number": (lambda: with_header(typ=1), "typ_refused"),
    "J20 access token without typ": (lambda: signed(payload={**CLAIMS, "aud": "api://default"}), "aud_mismatch"),
    "J21 member twice in the payload": (
        lambda: signed(payload=as_json(CLAIMS)[:-1] + b',"sub":"x"}'),
        "payload_malformed",
    ),
    "J21 member twice in the header": (
        lambda: signed(b'{"alg":"RS256","alg":"RS256","kid":"okta-1"}'),
        "header_malformed",
    ),
    "J21 UTF-16": (lambda: signed(payload=json.dumps(CLAIMS).encode("utf-16")), "payload_malformed"),
    "J21 byte order mark": (lambda: signed(payload=b"\xef\xbb\xbf" + as_json(CLAIMS)), "payload_malformed"),
    "J21 NaN": (lambda: signed(payload=json.dumps({**CLAIMS, "x": float("nan")}).encode()), "payload_malformed"),
    "J21 Infinity": (lambda: signed(payload=json.dumps({**CLAIMS, "x": float("inf")}).encode()), "payload_malformed"),
    "J21 nested 5000 deep": (lambda: signed(payload=deep(5000)), "payload_malformed"),
    "J21 128 kB": (lambda: signed(payload={**CLAIMS, "x": "x" * 131_072}), "token_too_large"),
    "J21 array": (lambda: signed(payload=json.dumps([CLAIMS]).encode()), "payload_malformed"),
    "J21 number of 5000 digits": (lambda: signed(payload=b'{"exp":' + b"9" * 5000 + b"}"), "payload_malformed"),
    "J21 null": (lambda: signed(payload=b"null"), "payload_malformed"),
    "J21 header no JSON": (lambda: signed(b"RS256"), "header_malformed"),
    "J22 line end after it": (lambda: VALID + "\n", "token_malformed"),
    "J22 space after it": (lambda: VALID + " ", "token_malformed"),
    "J22 padding": (lambda: VALID + "==", "token_malformed"),
    "J22 two parts": (lambda: VALID.rpartition(".")[0], "token_malformed"),
    "J22 four parts": (lambda: VALID + ".AAAA", "token_malformed"),
    "J22 not ASCII": (lambda: VALID[:-1] + "é", "token_malformed"),
    "J22 empty": (lambda: "", "token_malformed"),
    "J22 half a base64 group": (lambda: "{}A.{}.{}".format(*VALID.split(".")), "token_malformed"),
    "J23 a key of nobody's": (lambda: spoofed(kid="attacker"), "kid_unknown"),
    "J23 another key under a published name": (spoofed, "signature_wrong"),
    "C20 claims of 1 MB": (lambda: signed(payload={**CLAIMS, "groups": ["g" * 99] * 10_000}), "token_too_large"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_what_is_not_plainly_a_signed_id_token_is_refused_for_the_right_reason(row: str) -> None:
    make, detail = REFUSED[row]
    with pytest.raises(OidcError) as refused:
        judge(make())
    assert (refused.value.reason, refused.value.detail) == ("id_token_invalid", detail)
    assert "failed" in refused.value.checks.values()


ACCEPTED: dict[str, Callable[[], str]] = {
    "as Okta sends it": signed,
    "J09 kid absent and one key": lambda: signed({"alg": "RS256"}),
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
