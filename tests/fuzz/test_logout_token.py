"""Whatever is posted as a logout token: only what the provider signed for this client ends sessions."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from support.fuzzing import JSON, TEXTS, outcome, searching
from support.tokens import Json, as_json, jwk_set, rsa_key, sign

from service.oidc.errors import OidcError
from service.oidc.jwks import parse_keys
from service.oidc.logout_token import LOGOUT_EVENT, LogoutToken, validate_logout_token

NOW = 1_800_000_000
ISSUER = "https://acme.okta.com"
CLIENT_ID = "0oa17n5acme"
HEADER: Json = {"kid": "okta-1", "alg": "RS256", "typ": "logout+jwt"}
CLAIMS: Json = {
    "iss": ISSUER,
    "aud": CLIENT_ID,
    "sub": "00u17ada1acme",
    "sid": "session-1",
    "iat": NOW,
    "exp": NOW + 120,
    "jti": "logout-1",
    "events": {LOGOUT_EVENT: {}},
}
PUBLISHED = parse_keys(jwk_set(rsa_key()))

edges: SearchStrategy[Any] = st.sampled_from(
    [True, None, 0, "", [], {}, CLIENT_ID, [CLIENT_ID], ISSUER, {LOGOUT_EVENT: 1}]
)
names = st.sampled_from([*CLAIMS, "nonce", "azp", "nbf"]) | TEXTS


def judge(token: str) -> LogoutToken | None:
    """Return what is a logout token, None for what is none. Anything else than this fails the test."""
    found = outcome(
        lambda: validate_logout_token(
            token, PUBLISHED, issuer=ISSUER, client_id=CLIENT_ID, algorithms=frozenset({"RS256"}), now=NOW
        ),
        OidcError,
    )
    return found if isinstance(found, LogoutToken) else None


@given(st.dictionaries(names, JSON | edges, max_size=3), st.sets(st.sampled_from(list(CLAIMS)), max_size=2))
@example({}, set())
@searching(120)
def test_a_logout_token_ends_nothing_but_what_it_rightly_names(changes: Json, without: set[str]) -> None:
    claims = {name: value for name, value in (CLAIMS | changes).items() if name not in without}
    received: Json = json.loads(as_json(claims))
    found = judge(sign(HEADER, claims, rsa_key(), "RS256"))
    if found is None:
        assert changes or without
        return
    assert received["iss"] == ISSUER
    assert received["aud"] in (CLIENT_ID, [CLIENT_ID])
    assert isinstance(received["events"][LOGOUT_EVENT], dict)
    assert "nonce" not in received
    assert (found.subject, found.sid) == (received.get("sub"), received.get("sid"))
    assert found.subject or found.sid
    assert found.jti == received["jti"]


headers = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "jku", "x5c", "cty"]),
    JSON | st.sampled_from(["JWT", "logout+jwt", "at+jwt", "none", "HS256", "RS256"]),
    max_size=2,
)


@given(headers, st.sampled_from(["okta-1", "attacker"]))
@example({}, "okta-1")
@searching(80)
def test_no_header_makes_a_logout_tokens_signature_right(changes: Json, signer: str) -> None:
    if judge(sign(HEADER | changes, CLAIMS, rsa_key(signer), "RS256")) is not None:
        assert signer == "okta-1"
        assert (HEADER | changes)["alg"] == "RS256"
        assert not changes.keys() & {"crit", "jwk", "jku", "x5c", "cty"}


@given(st.binary(max_size=200), st.integers(0, 2))
@searching(50)
def test_bytes_put_into_a_logout_token_make_it_none(raw: bytes, part: int) -> None:
    parts = sign(HEADER, CLAIMS, rsa_key(), "RS256").split(".")
    changed = [*parts[:part], raw.hex(), *parts[part + 1 :]]
    assert judge(".".join(changed)) is None
