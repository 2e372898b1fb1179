"""Logout tokens that end nothing, by the ids of the protocol's rows, each with the detail that names what is wrong."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from joserfc.jwk import OctKey
from support.provider import FakeProvider
from support.provider_logout import EVENT, NULL, logout_claims, logout_token
from support.tokens import Json, as_json, ec_key, rsa_key, sign

ANNOUNCED: Final = {"id_token_signing_alg_values_supported": ["none", "RS256", "PS256", "ES256"]}


class Wrong(NamedTuple):
    """What makes the token, and why it is refused."""

    make: Callable[[FakeProvider], str]
    detail: str


def _claims(detail: str, **changes: Any) -> Wrong:
    return Wrong(lambda provider: logout_token(provider, **changes), detail)


def _times(detail: str, **changes: int) -> Wrong:
    def make(provider: FakeProvider) -> str:
        now = int(provider.now())
        moved: Json = {name: now + by for name, by in changes.items()}
        return logout_token(provider, **moved)

    return Wrong(make, detail)


def _payload(provider: FakeProvider, payload: bytes) -> str:
    key = provider.signing_key
    return sign({"alg": "RS256", "kid": key.kid}, payload, key, "RS256")


def _by_shared_secret(provider: FakeProvider) -> str:
    secret = OctKey.import_key(provider.client_secret)
    return sign({"alg": "HS256"}, logout_claims(provider), secret, "HS256")


def _header(detail: str, **header: Json | str | list[str]) -> Wrong:
    return Wrong(lambda provider: logout_token(provider, header=header), detail)


WRONG_TOKENS: Final[Mapping[str, Wrong]] = {
    "L02-alg-none": Wrong(lambda op: sign({"alg": "none"}, logout_claims(op), None, "none"), "token_malformed"),
    "L02-alg-none-with-a-signature": _header("alg_refused", alg="none"),
    "L02-alg-hs256": Wrong(_by_shared_secret, "alg_refused"),
    "L03-no-events": _claims("event_missing", events=None),
    "L04-nonce": _claims("nonce_present", nonce="of-a-login"),
    "L04-nonce-null": _claims("nonce_present", nonce=NULL),
    "L05-alg-es256": Wrong(lambda op: logout_token(op, key=ec_key(), alg="ES256"), "alg_refused"),
    "L05-alg-ps256": Wrong(lambda op: logout_token(op, alg="PS256"), "alg_refused"),
    "L06-aud-other": _claims("aud_mismatch", aud="0oa-other"),
    "L06-aud-missing": _claims("aud_mismatch", aud=None),
    "L06-aud-also-for-others": Wrong(lambda op: logout_token(op, aud=[op.client_id, "0oa-other"]), "aud_untrusted"),
    "L07-event-other": _claims("event_missing", events={"http://schemas.openid.net/event/other": {}}),
    "L07-events-a-list": _claims("event_missing", events=[EVENT]),
    "L08-iss-other": _claims("id_token_issuer_mismatch", iss="https://globex.okta.com"),
    "L08-iss-missing": _claims("iss_missing", iss=None),
    "L08-iss-with-slash": Wrong(lambda op: logout_token(op, iss=f"{op.issuer}/"), "id_token_issuer_mismatch"),
    "signature": Wrong(lambda op: f"{logout_token(op)[:-8]}AAAAAAAA", "signature_wrong"),
    "L10-iat-old": _times("iat_too_old", iat=-3600),
    "L10-iat-future": _times("iat_in_future", iat=3600),
    "L10-iat-missing": _claims("iat_missing", iat=None),
    "L10-exp-past": _times("expired", iat=-300, exp=-180),
    "L10-exp-missing": _claims("exp_missing", exp=None),
    "L10-exp-a-text": _claims("exp_missing", exp="4102444800"),
    "L11-neither-sub-nor-sid": _claims("subject_missing", sub=None),
    "L11-sub-null-and-no-sid": _claims("sub_invalid", sub=NULL),
    "L13-id-token": Wrong(lambda op: op.id_token("of-a-login", "an-access-token"), "event_missing"),
    "L16-event-a-text": _claims("event_missing", events={EVENT: "{}"}),
    "L16-event-null": _claims("event_missing", events={EVENT: None}),
    "jti-missing": _claims("jti_missing", jti=None),
    "jti-a-number": _claims("jti_missing", jti=17),
    "jti-too-long": _claims("jti_missing", jti="j" * 256),
    "jti-with-a-nul": _claims("jti_missing", jti="a\0b"),
    "sub-a-list": _claims("sub_invalid", sub=["00u17ada1acme"]),
    "sid-empty": _claims("sid_invalid", sid=""),
    "sid-a-number": _claims("sid_invalid", sid=17),
    "sid-with-a-nul": _claims("sid_invalid", sid="a\0b"),
    "typ-of-an-access-token": _header("typ_refused", typ="at+jwt"),
    "kid-unknown": Wrong(lambda op: logout_token(op, key=rsa_key("nobody's")), "kid_unknown"),
    "key-in-header": _header("key_in_header", jwk={"kty": "RSA"}),
    "crit": _header("crit_refused", crit=["exp"]),
    "payload-a-list": Wrong(lambda op: _payload(op, b"[]"), "payload_malformed"),
    "payload-nested": Wrong(lambda op: _payload(op, b"[" * 9000), "payload_malformed"),
    "claim-twice": Wrong(
        lambda op: _payload(op, as_json(logout_claims(op))[:-1] + b',"sub":"00u-other"}'), "payload_malformed"
    ),
    "not-a-token": Wrong(lambda _: "a.b.c", "token_malformed"),
    "empty": Wrong(lambda _: "", "token_malformed"),
    "no-ascii": Wrong(lambda _: "é.é.é", "token_malformed"),
    "encrypted": Wrong(lambda _: "a.b.c.d.e", "token_encrypted"),
}
