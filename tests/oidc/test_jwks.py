"""Which published keys verify, and when they are asked for again."""

import asyncio
import base64
from typing import Any

import pytest
from aiohttp import web
from support.oidc import TurnedClock, fails, sign_in
from support.okta import okta_headers
from support.provider import FakeProvider
from support.tokens import Json, ec_key, jwk_set, okp_key, public_jwk, rsa_key

from service.oidc.claims import Expected
from service.oidc.client import RelyingParty
from service.oidc.errors import OidcError
from service.oidc.http import Fetched
from service.oidc.id_token import Claims
from service.oidc.jwks import parse_keys
from service.oidc.signatures import KeyUnusable, signature_key
from service.oidc.tokens import TokenAnswer

RSA = public_jwk(rsa_key())


def number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")).rstrip(b"=").decode()


UNUSABLE: dict[str, Any] = {
    "J13 oct": {"kty": "oct", "k": "AAAA", "kid": "okta-1", "alg": "RS256"},
    "J13 private parts": rsa_key().as_dict(private=True),
    "J13 private part of a curve": ec_key().as_dict(private=True),
    "J14 1024 bits": public_jwk(rsa_key("weak", 1024)),
    "J14 16 k bits": {**RSA, "n": number((1 << 16384) - 1)},
    "J14 e of 1": {**RSA, "e": number(1)},
    "J14 e of 3": {**RSA, "e": number(3)},
    "J14 even e": {**RSA, "e": number(65538)},
    "J14 e of 256 bits": {**RSA, "e": number((1 << 255) + 1)},
    "J15 use enc": {**RSA, "use": "enc"},
    "J15 key_ops encrypt": {**RSA, "key_ops": ["encrypt"]},
    "J15 key_ops no list": {**RSA, "key_ops": "verify"},
    "J15 alg of another kind": {**RSA, "alg": "ES256"},
    "J15 alg symmetric": {**RSA, "alg": "HS256"},
    "J15 alg for encryption": {**RSA, "alg": "RSA-OAEP"},
    "J15 alg a list": {**RSA, "alg": ["RS256"]},
    "curve secp256k1": {**public_jwk(ec_key()), "crv": "secp256k1"},
    "curve missing": {"kty": "EC", "x": "AA", "y": "AA"},
    "point not on the curve": {**public_jwk(ec_key()), "x": number(5)},
    "agreement curve": {"kty": "OKP", "crv": "X25519", "x": number(1 << 250)},
    "modulus missing": {"kty": "RSA", "e": "AQAB"},
    "modulus no base64": {**RSA, "n": "%%%"},
    "modulus a number": {**RSA, "n": 17},
    "kid a number": {**RSA, "kid": 17},
    "type unknown": {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
    "type a list": {**RSA, "kty": ["RSA"]},
    "type missing": {"n": RSA["n"], "e": RSA["e"]},
    "no object": "key",
    "null": None,
}


@pytest.mark.parametrize("row", UNUSABLE)
def test_a_key_that_verifies_nothing_is_passed_over_and_the_others_count(row: str) -> None:
    with pytest.raises(KeyUnusable):
        signature_key(UNUSABLE[row])
    keys = parse_keys({"keys": [UNUSABLE[row], public_jwk(rsa_key("okta-2"))]})
    assert len(keys) == 1
    assert keys.having("okta-2", "RS256")


@pytest.mark.parametrize(
    "jwk",
    [
        RSA,
        {name: value for name, value in RSA.items() if name != "use"},
        {**RSA, "alg": "RS256", "key_ops": ["verify"], "x5c": "not a list", "x5t": 17, "ext": True},
        public_jwk(ec_key("e3", "P-384")),
        public_jwk(okp_key()),
    ],
    ids=["RSA", "without use", "with oddities that do not matter", "P-384", "Ed25519"],
)
def test_a_public_signature_key_counts(jwk: Json) -> None:
    assert len(parse_keys({"keys": [jwk]})) == 1


def test_j15_a_key_serves_the_algorithm_that_it_names_alone() -> None:
    keys = parse_keys({"keys": [{**RSA, "alg": "PS256"}]})
    assert keys.having("okta-1", "PS256")
    assert not keys.having("okta-1", "RS256")
    assert not keys.having("okta-1", "ES256")


@pytest.mark.parametrize(
    "answer",
    [{}, [], {"keys": None}, {"keys": []}, {"keys": {}}, {"keys": "x"}, None],
    ids=str,
)
async def test_j12_what_is_no_key_set_ends_the_login_with_a_reason(
    relying_party: RelyingParty, provider: FakeProvider, answer: Any
) -> None:
    provider.hooks["keys"] = lambda _: web.json_response(answer)
    error = await fails(sign_in(relying_party, provider))
    assert error.reason == "provider_misconfigured"
    assert error.detail in {"keys_malformed", "keys_unusable"}


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (web.Response, "keys_malformed"),
        (lambda: web.Response(text="<html></html>", content_type="text/html"), "keys_malformed"),
        (lambda: web.Response(status=302, headers={"Location": "/"}), "redirect_refused"),
        (lambda: web.Response(status=503), "keys_unreachable"),
        (lambda: web.Response(status=404), "keys_unreachable"),
        (lambda: web.Response(body=b"[" * 100_000), "keys_malformed"),
        (lambda: web.Response(body=b" " * 2_000_000), "answer_too_large"),
    ],
    ids=["empty", "html", "302", "503", "404", "deep", "2 MB"],
)
async def test_j12_an_answer_that_is_no_json_ends_the_login_with_a_reason(
    relying_party: RelyingParty, provider: FakeProvider, answer: Any, detail: str
) -> None:
    provider.hooks["keys"] = lambda _: answer()
    assert (await fails(sign_in(relying_party, provider))).detail == detail


def test_j12_of_ten_thousand_keys_a_hundred_are_looked_at() -> None:
    assert len(parse_keys({"keys": [RSA] * 10_000})) == 100


def test_of_keys_with_one_name_three_are_tried() -> None:
    assert len(parse_keys({"keys": [RSA] * 50}).having("okta-1", "RS256")) == 3


async def test_j16_a_thousand_tokens_of_unknown_keys_cost_one_fetch_in_half_a_minute(
    relying_party: RelyingParty, provider: FakeProvider, clock: TurnedClock
) -> None:
    await sign_in(relying_party, provider)
    keys = await relying_party._keys.get(provider.endpoint("keys"))
    renewals = await asyncio.gather(*(relying_party._keys.renew(provider.endpoint("keys"), keys) for _ in range(1000)))
    assert len(provider.requests("keys")) == 2
    assert len({id(renewed) for renewed in renewals}) == 1, "all who asked at once got the same keys"
    (newest,) = {renewed for renewed in renewals if renewed is not None}
    for _ in range(100):
        assert await relying_party._keys.renew(provider.endpoint("keys"), newest) is None
    assert len(provider.requests("keys")) == 2
    clock.advance(31)
    assert await relying_party._keys.renew(provider.endpoint("keys"), newest) is not None
    assert len(provider.requests("keys")) == 3


async def test_j16_a_login_with_an_unknown_key_is_refused_after_one_more_look(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    await sign_in(relying_party, provider)
    provider.header_changes = {"kid": "never-published"}
    for _ in range(3):
        assert (await fails(sign_in(relying_party, provider))).detail == "kid_unknown"
    assert len(provider.requests("keys")) == 2


async def test_keys_are_kept_as_long_as_the_provider_says_but_twelve_hours_at_most(
    relying_party: RelyingParty, provider: FakeProvider, clock: TurnedClock
) -> None:
    """Okta says 45 days in quiet times and less as a rotation comes near."""
    await sign_in(relying_party, provider)
    clock.advance(12 * 3600 - 1)
    await sign_in(relying_party, provider)
    assert len(provider.requests("keys")) == 1
    provider.hooks["keys"] = lambda _: web.json_response(jwk_set(rsa_key()), headers=okta_headers("max-age=90"))
    clock.advance(2)
    await sign_in(relying_party, provider)
    clock.advance(89)
    await sign_in(relying_party, provider)
    assert len(provider.requests("keys")) == 2
    clock.advance(2)
    await sign_in(relying_party, provider)
    assert len(provider.requests("keys")) == 3


async def test_h19_keys_that_cannot_be_renewed_serve_on_for_a_day_at_most(
    relying_party: RelyingParty, provider: FakeProvider, clock: TurnedClock
) -> None:
    await sign_in(relying_party, provider)
    provider.hooks["keys"] = lambda _: web.Response(status=503, text="<html>")
    clock.advance(23 * 3600)
    assert (await sign_in(relying_party, provider)).subject == "00u17ada1acme"
    clock.advance(3601)
    assert (await fails(sign_in(relying_party, provider))).reason == "provider_unreachable"


async def test_j06_a_key_address_in_the_header_is_never_asked(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    canary = f"{provider.issuer}/.well-known/openid-configuration"
    provider.header_changes = {"jku": canary, "x5u": canary}
    assert (await fails(sign_in(relying_party, provider))).detail == "key_in_header"
    assert len(provider.requests("discovery")) == 1


def test_an_empty_key_set_says_why_without_a_value() -> None:
    with pytest.raises(OidcError) as refused:
        parse_keys({"keys": [rsa_key().as_dict(private=True)]})
    private = rsa_key().as_dict(private=True)
    assert str(private["d"]) not in f"{vars(refused.value)}"


async def test_j16_who_tried_older_keys_than_those_at_hand_gets_these_without_a_request(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    await sign_in(relying_party, provider)
    keys, uri = relying_party._keys, provider.endpoint("keys")
    older = await keys.get(uri)
    newer = await keys.renew(uri, older)
    assert newer is not older
    assert await keys.renew(uri, older) is newer
    assert len(provider.requests("keys")) == 2


async def test_keys_that_are_not_kept_any_more_are_fetched_anew(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    assert await relying_party._keys.renew(provider.endpoint("keys"), parse_keys({"keys": [RSA]})) is not None
    assert len(provider.requests("keys")) == 1


async def test_h19_an_unknown_key_while_keys_are_not_to_be_had_is_an_unknown_key(
    relying_party: RelyingParty, provider: FakeProvider
) -> None:
    await sign_in(relying_party, provider)
    provider.hooks["keys"] = lambda _: web.Response(status=503)
    provider.header_changes = {"kid": "okta-2"}
    assert (await fails(sign_in(relying_party, provider))).detail == "kid_unknown"


def test_a_key_without_a_name_counts() -> None:
    keys = parse_keys({"keys": [public_jwk(rsa_key(), kid=None)]})
    assert len(keys.having(None, "RS256")) == 1


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("curve secp256k1", "type or curve"),
        ("J14 1024 bits", "modulus"),
        ("J14 even e", "exponent"),
        ("J13 oct", "public"),
    ],
)
def test_why_a_key_is_passed_over_is_said(row: str, why: str) -> None:
    with pytest.raises(KeyUnusable, match=why):
        signature_key(UNUSABLE[row])


def test_x01_neither_keys_nor_what_a_provider_sent_are_told_by_a_repr() -> None:
    shown = repr(
        [
            signature_key(RSA),
            Claims("00u-planted", "RS256", {"email": "planted"}, {}),
            TokenAnswer("planted", "planted"),
            Fetched(200, {}, b"planted"),
            Expected("https://acme.okta.com", "0oa1", "planted", 0, 0, 0, "RS256", "planted", "planted"),
        ]
    )
    assert "planted" not in shown
    assert str(RSA["n"]) not in shown
