"""Whatever bytes come as an ID token: only what the provider signed, and means what it has to mean, is one."""

import base64
import json
import math
from typing import Any, TypeGuard

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from support.fuzzing import JSON, TEXTS, outcome, searching
from support.tokens import Json, as_json, base64url, ec_key, half_hash, jwk_set, public_jwk, rsa_key, sign

from service.oidc.errors import OidcError
from service.oidc.id_token import Claims, validate_id_token
from service.oidc.jwks import SigningKeys, parse_keys
from service.oidc.signatures import ALGORITHMS

NOW = 1_800_000_000
ISSUER = "https://acme.okta.com"
CLIENT_ID = "0oa17n5acme"
NONCE = "n-1"
ACCESS_TOKEN = "access-token"
HEADER: Json = {"kid": "okta-1", "alg": "RS256"}
CLAIMS: Json = {
    "iss": ISSUER,
    "aud": CLIENT_ID,
    "sub": "00u17ada1acme",
    "iat": NOW,
    "exp": NOW + 3600,
    "nonce": NONCE,
    "at_hash": half_hash(ACCESS_TOKEN),
    "email": "ada@acme.example",
}
ANNOUNCED = frozenset({"RS256", "PS256", "ES256"})
PUBLISHED = parse_keys(jwk_set(rsa_key(), ec_key()))
VALID = sign(HEADER, CLAIMS, rsa_key(), "RS256")

token_letters = st.sampled_from("ABCZabcz059-_.=+/ \n\x00é")
near_instants = st.integers(-4000, 4000).map(lambda offset: NOW + offset) | st.floats(NOW - 4000, NOW + 4000)
edges: SearchStrategy[Any] = st.sampled_from(
    [True, False, None, 0, -1, 2**63, 1e308, str(NOW), [NOW], {}, "", CLIENT_ID, [CLIENT_ID], ISSUER]
)
values = JSON | near_instants | edges | st.lists(st.sampled_from([CLIENT_ID, "0oa-other", "", None, 1]), max_size=3)
names = st.sampled_from([*CLAIMS, "azp", "nbf", "auth_time", "c_hash", "typ"]) | TEXTS


def judge(token: str, keys: SigningKeys = PUBLISHED) -> Claims | None:
    """Return the claims of what is an ID token, None for what is none. Anything else than this fails the test."""
    found = outcome(
        lambda: validate_id_token(
            token,
            keys,
            issuer=ISSUER,
            client_id=CLIENT_ID,
            nonce=NONCE,
            algorithms=ANNOUNCED,
            now=NOW,
            access_token=ACCESS_TOKEN,
        ),
        OidcError,
    )
    if isinstance(found, Claims):
        return found
    assert found.reason in {"id_token_invalid", "issuer_mismatch"}
    assert "failed" in found.checks.values()
    assert len(found.explanation) < 1000
    return None


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def instant(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def plainly_right(claims: Json) -> bool:
    """What OIDC Core 3.1.3.7 asks of the claims, once more and in the most direct words."""
    audience = claims.get("aud")
    expiry, issued, start = claims.get("exp"), claims.get("iat"), claims.get("nbf", NOW)
    subject = claims.get("sub")
    return (
        claims.get("iss") == ISSUER
        and (
            audience == CLIENT_ID or (isinstance(audience, list) and bool(audience) and set_of(audience) == {CLIENT_ID})
        )
        and claims.get("azp", CLIENT_ID) == CLIENT_ID
        and (instant(expiry) and expiry > NOW - 60)
        and (instant(issued) and NOW - 660 <= issued <= NOW + 60)
        and (instant(start) and start <= NOW + 60)
        and claims.get("nonce") == NONCE
        and (isinstance(subject, str) and 0 < len(subject) < 256 and subject.isascii() and subject.isprintable())
        and claims.get("at_hash", CLAIMS["at_hash"]) == CLAIMS["at_hash"]
    )


def set_of(items: list[object]) -> set[str]:
    return {json.dumps(item) if not isinstance(item, str) else item for item in items}


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The valid token with some letters replaced, removed, added or moved, or parts of it exchanged."""
    letters = list(VALID)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(letters) - 1))
        match draw(st.sampled_from(["replace", "remove", "add", "swap", "cut", "repeat"])):
            case "replace":
                letters[place] = draw(token_letters)
            case "remove" if len(letters) > 1:
                del letters[place]
            case "add":
                letters.insert(place, draw(token_letters))
            case "swap":
                other = draw(st.integers(0, len(letters) - 1))
                letters[place], letters[other] = letters[other], letters[place]
            case "cut":
                letters = letters[: place + 1]
            case _:
                letters[place:place] = letters[: draw(st.integers(0, 20))]
    return "".join(letters)


@given(mutated())
@example(VALID)
@searching(200)
def test_a_changed_token_is_none_unless_it_means_the_same(token: str) -> None:
    if judge(token) is not None:
        assert [decoded(part) for part in token.split(".")] == [decoded(part) for part in VALID.split(".")]


@given(TEXTS | st.text("eyJ.AZaz09-_=", max_size=400) | st.text(max_size=400).map(lambda text: f"{VALID}{text}"))
@searching(100)
def test_what_was_never_a_token_is_none(text: str) -> None:
    assert judge(text) is None or text == VALID


@given(st.dictionaries(names, values, max_size=3), st.sets(st.sampled_from(list(CLAIMS)), max_size=2))
@example({}, set())
@searching(200)
def test_signed_claims_count_exactly_if_they_are_right(changes: Json, without: set[str]) -> None:
    """The signature is always right; the rules of the specification, said a second time, decide."""
    claims = {name: value for name, value in (CLAIMS | changes).items() if name not in without}
    found = judge(sign(HEADER, claims, rsa_key(), "RS256"))
    received = json.loads(as_json(claims))
    assert (found is not None) == plainly_right(received), received
    if found is not None:
        assert found.members == received
        assert found.subject == received["sub"]


header_names = st.sampled_from(["alg", "kid", "typ", "cty", "crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip"])
header_values = (
    JSON
    | st.sampled_from(["none", "HS256", "RS256", "rs256", "PS256", "ES256", "RS512", "JWT", "at+jwt", "okta-1", "ec-1"])
    | st.just(public_jwk(rsa_key("attacker")))
    | st.just(["b64"])
)


@given(st.dictionaries(header_names | TEXTS, header_values, max_size=3), st.sampled_from(["okta-1", "attacker"]))
@example({}, "okta-1")
@searching(150)
def test_no_header_makes_a_signature_right(changes: Json, signer: str) -> None:
    """Whatever the header claims, the bytes are signed by RS256: by the published key, or by an attacker's."""
    header = HEADER | changes
    if judge(sign(header, CLAIMS, rsa_key(signer), "RS256")) is None:
        return
    assert signer == "okta-1"
    assert header["alg"] == "RS256"
    assert header["kid"] == "okta-1"
    assert not header.keys() & {"crit", "b64", "jwk", "jku", "x5u", "x5c", "cty"}


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
@searching(100)
def test_any_signed_payload_is_read_or_refused(payload: bytes) -> None:
    assert judge(sign(HEADER, payload, rsa_key(), "RS256")) is None


@given(st.binary(min_size=1, max_size=600), st.sampled_from(sorted(ALGORITHMS | {"none", "HS256"})))
@searching(100)
def test_no_signature_but_the_keys_own_counts(signature: bytes, alg: str) -> None:
    signed = f"{base64url(as_json({'alg': alg, 'kid': 'okta-1'}))}.{base64url(as_json(CLAIMS))}"
    assert judge(f"{signed}.{base64url(signature)}") is None


jwk_members = st.sampled_from(["kty", "n", "e", "crv", "x", "y", "d", "k", "kid", "use", "alg", "key_ops", "x5c"])
jwks = st.dictionaries(
    jwk_members, JSON | st.sampled_from(["RSA", "EC", "OKP", "oct", "AQAB", "P-256", "sig"]), max_size=8
)
broken_keys = st.tuples(st.sampled_from([rsa_key(), ec_key()]), st.dictionaries(jwk_members, JSON, max_size=2)).map(
    lambda pair: {**public_jwk(pair[0]), **pair[1]}
)


@given(st.lists(jwks | broken_keys | JSON, max_size=5) | JSON)
@searching(100)
def test_any_key_set_is_read_or_refused(members: Any) -> None:
    """And a key set that is not the provider's never makes an attacker's token right."""
    keys = outcome(lambda: parse_keys({"keys": members}), OidcError)
    if isinstance(keys, OidcError):
        assert keys.reason == "provider_misconfigured"
        return
    assert judge(sign(HEADER, CLAIMS, rsa_key("attacker"), "RS256"), keys) is None


def test_the_search_begins_at_a_token_that_counts() -> None:
    found = judge(VALID)
    assert found is not None
    with pytest.raises(AssertionError):
        assert judge(VALID[:-6]) is not None
