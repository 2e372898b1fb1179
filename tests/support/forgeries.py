"""ID tokens that are none, named by what is wrong with them. Each is made from the header and claims of a right one."""

import hashlib
import hmac
import json
from typing import Any, Final, NamedTuple

from support.tokens import Forgery, Json, as_json, base64url, ec_key, half_hash, public_jwk, rsa_key, sign

CLIENT_SECRET: Final = "the secret of the client, of enough bytes"
ABSENT: Final = object()
LEEWAY: Final = 60
MOST_AGE: Final = 600


class Forged(NamedTuple):
    """A forgery, and the detail under which it is refused: alone, and in a login where another check is met first."""

    make: Forgery
    detail: str
    in_login: str | None = None

    @property
    def detail_in_login(self) -> str:
        """The detail under which a whole login is refused."""
        return self.in_login or self.detail


def changed(right: Json, changes: Json) -> Json:
    """Return a copy with members replaced. A callable makes the new value from the right one; ABSENT removes one."""
    made = {name: value(right.get(name)) if callable(value) else value for name, value in changes.items()}
    return {name: value for name, value in {**right, **made}.items() if value is not ABSENT}


def header(**changes: Any) -> Forgery:
    """Change members of the header, and sign rightly."""
    return lambda right, claims: sign(changed(right, changes), claims, rsa_key(), "RS256")


def claims(**changes: Any) -> Forgery:
    """Change claims, and sign rightly."""
    return lambda right, told: sign(right, changed(told, changes), rsa_key(), "RS256")


def payload(make: Any) -> Forgery:
    """Sign other bytes than the claims rightly; ``make`` gets the claims."""
    return lambda right, told: sign(right, make(told), rsa_key(), "RS256")


def whole(make: Any) -> Forgery:
    """Change the text of a right token."""
    return lambda right, told: str(make(sign(right, told, rsa_key(), "RS256")))


def hs256(secret: bytes) -> Forgery:
    """Sign with a shared secret."""

    def make(right: Json, told: Json) -> str:
        text = f"{base64url(as_json({**right, 'alg': 'HS256'}))}.{base64url(as_json(told))}"
        return f"{text}.{base64url(hmac.digest(secret, text.encode(), hashlib.sha256))}"

    return make


def by(key: Any, signed_by: str, /, **changes: Any) -> Forgery:
    """Sign with another key or algorithm, under a header that is changed."""
    return lambda right, told: sign(changed(right, changes), told, key, signed_by)


def _deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def _number(name: str, number: bytes) -> Forgery:
    return payload(
        lambda told: as_json({**told, name: "?"}).replace(f'"{name}":"?"'.encode(), f'"{name}":'.encode() + number)
    )


ATTACKERS: Final = rsa_key("attacker")

TOKENS: Final[dict[str, Forged]] = {
    "J01 none": Forged(by(None, "none", alg="none"), "token_malformed"),
    "J01 NONE with a signature": Forged(header(alg="NONE"), "alg_refused"),
    "J01 NoNe with a signature": Forged(header(alg="NoNe"), "alg_refused"),
    "J01 none with a signature": Forged(header(alg="none"), "alg_refused"),
    "J02 HS256 by the public key's PEM": Forged(hs256(rsa_key().as_pem(private=False)), "alg_refused"),
    "J02 HS256 by the public key's DER": Forged(hs256(rsa_key().as_der(private=False)), "alg_refused"),
    "J02 HS256 by the public key's JWK": Forged(hs256(json.dumps(public_jwk(rsa_key())).encode()), "alg_refused"),
    "J03 HS256 by the client secret": Forged(hs256(CLIENT_SECRET.encode()), "alg_refused"),
    "J04 an algorithm that the provider does not announce": Forged(by(rsa_key(), "RS512", alg="RS512"), "alg_refused"),
    "J04 PS256 not announced": Forged(by(rsa_key(), "PS256", alg="PS256"), "alg_refused"),
    "J04 ES256 not announced": Forged(by(ec_key(), "ES256", alg="ES256", kid="ec-1"), "alg_refused"),
    "J04 alg missing": Forged(header(alg=ABSENT), "alg_refused"),
    "J04 alg a list": Forged(header(alg=["RS256"]), "alg_refused"),
    "J04 several in one text": Forged(header(alg="RS256 HS256"), "alg_refused"),
    "J04 another algorithm than the header says": Forged(by(rsa_key(), "PS256"), "signature_wrong"),
    "J05 a key in the header": Forged(by(ATTACKERS, "RS256", jwk=public_jwk(ATTACKERS)), "key_in_header"),
    "J05 an elliptic key in the header": Forged(by(ATTACKERS, "RS256", jwk=public_jwk(ec_key())), "key_in_header"),
    "J06 jku": Forged(header(jku="http://127.0.0.1:1/keys"), "key_in_header"),
    "J06 x5u": Forged(header(x5u="http://127.0.0.1:1/cert"), "key_in_header"),
    "J06 x5c": Forged(header(x5c=["MIIB"]), "key_in_header"),
    "J07 crit of an unknown extension": Forged(header(crit=["exp"], exp=1), "crit_refused"),
    "J07 crit b64 true": Forged(header(crit=["b64"], b64=True), "crit_refused"),
    "J07 crit b64 false": Forged(header(crit=["b64"], b64=False), "crit_refused"),
    "J07 b64 without crit": Forged(header(b64=True), "crit_refused"),
    "J07 crit empty": Forged(header(crit=[]), "crit_refused"),
    "J07 crit a text": Forged(header(crit="b64"), "crit_refused"),
    "J08 kid a path": Forged(header(kid="../../../../dev/null"), "kid_unknown"),
    "J08 kid an SQL statement": Forged(header(kid="' or 1=1 --"), "kid_unknown"),
    "J08 kid of 10 kB": Forged(header(kid="k" * 10_000), "header_malformed"),
    "J08 kid with NUL": Forged(header(kid="okta-1\x00"), "kid_unknown"),
    "J08 kid a list": Forged(header(kid=["okta-1"]), "kid_invalid"),
    "J08 kid a number": Forged(header(kid=1), "kid_invalid"),
    "J08 kid null": Forged(header(kid=None), "kid_invalid"),
    "J08 kid empty": Forged(header(kid=""), "kid_invalid"),
    "J18 encrypted": Forged(whole(lambda token: f"{token}.AAAA.AAAA"), "token_encrypted"),
    "J19 JSON serialization": Forged(lambda *_: json.dumps({"payload": "e30", "signatures": []}), "token_malformed"),
    "J19 nested": Forged(
        lambda right, told: sign({**right, "cty": "JWT"}, _signed(right, told), rsa_key(), "RS256"), "typ_refused"
    ),
    "J19 nested without cty": Forged(
        lambda right, told: sign(right, _signed(right, told), rsa_key(), "RS256"), "payload_malformed"
    ),
    "J19 detached payload": Forged(whole(lambda token: "{0}..{2}".format(*token.split("."))), "token_malformed"),
    "J20 logout token": Forged(header(typ="logout+jwt"), "typ_refused"),
    "J20 access token": Forged(header(typ="at+jwt"), "typ_refused"),
    "J20 typ a number": Forged(header(typ=1), "typ_refused"),
    "J20 access token without typ": Forged(claims(aud="api://default"), "aud_mismatch"),
    "J21 member twice in the payload": Forged(
        payload(lambda told: as_json(told)[:-1] + b',"sub":"x"}'), "payload_malformed"
    ),
    "J21 member twice in the header": Forged(
        lambda _, told: sign(b'{"alg":"RS256","alg":"RS256","kid":"okta-1"}', told, rsa_key(), "RS256"),
        "header_malformed",
    ),
    "J21 UTF-16": Forged(payload(lambda told: json.dumps(told).encode("utf-16")), "payload_malformed"),
    "J21 byte order mark": Forged(payload(lambda told: b"\xef\xbb\xbf" + as_json(told)), "payload_malformed"),
    "J21 NaN": Forged(payload(lambda told: json.dumps({**told, "x": float("nan")}).encode()), "payload_malformed"),
    "J21 Infinity": Forged(payload(lambda told: json.dumps({**told, "x": float("inf")}).encode()), "payload_malformed"),
    "J21 nested 5000 deep": Forged(payload(lambda _: _deep(5000)), "payload_malformed"),
    "J21 128 kB": Forged(claims(x="x" * 131_072), "token_too_large"),
    "J21 array": Forged(payload(lambda told: json.dumps([told]).encode()), "payload_malformed"),
    "J21 number of 5000 digits": Forged(payload(lambda _: b'{"exp":' + b"9" * 5000 + b"}"), "payload_malformed"),
    "J21 null": Forged(payload(lambda _: b"null"), "payload_malformed"),
    "J21 header no JSON": Forged(lambda _, told: sign(b"RS256", told, rsa_key(), "RS256"), "header_malformed"),
    "J22 line end after it": Forged(whole(lambda token: token + "\n"), "token_malformed"),
    "J22 space after it": Forged(whole(lambda token: token + " "), "token_malformed"),
    "J22 padding": Forged(whole(lambda token: token + "=="), "token_malformed"),
    "J22 two parts": Forged(whole(lambda token: token.rpartition(".")[0]), "token_malformed"),
    "J22 four parts": Forged(whole(lambda token: token + ".AAAA"), "token_malformed"),
    "J22 not ASCII": Forged(whole(lambda token: token[:-1] + "é"), "token_malformed"),
    "J22 empty": Forged(lambda *_: "", "token_malformed", "id_token_missing"),
    "J22 half a base64 group": Forged(whole(lambda token: "{}A.{}.{}".format(*token.split("."))), "token_malformed"),
    "J23 a key of nobody's": Forged(by(ATTACKERS, "RS256", kid="attacker"), "kid_unknown"),
    "J23 another key under a published name": Forged(by(ATTACKERS, "RS256"), "signature_wrong"),
    "C20 claims of 1 MB": Forged(claims(groups=["g" * 99] * 10_000), "token_too_large", "answer_too_large"),
}
"""What is wrong with the form, the header or the signature."""

CLAIMS: Final[dict[str, Forged]] = {
    "C01 slash at the end": Forged(claims(iss=lambda iss: iss + "/"), "id_token_issuer_mismatch"),
    "C01 case": Forged(claims(iss=lambda iss: iss.replace("http", "HTTP")), "id_token_issuer_mismatch"),
    "C01 port 443 written": Forged(claims(iss=lambda iss: iss + ":443"), "id_token_issuer_mismatch"),
    "C01 another scheme": Forged(claims(iss=lambda iss: "x" + iss), "id_token_issuer_mismatch"),
    "C01 suffix": Forged(claims(iss=lambda iss: iss + ".evil.example"), "id_token_issuer_mismatch"),
    "C01 another tenant": Forged(claims(iss="https://rival.okta.com"), "id_token_issuer_mismatch"),
    "C01 custom server": Forged(claims(iss=lambda iss: iss + "/oauth2/default"), "id_token_issuer_mismatch"),
    "C01 array": Forged(claims(iss=lambda iss: [iss]), "iss_missing"),
    "C01 missing": Forged(claims(iss=ABSENT), "iss_missing"),
    "C02 missing": Forged(claims(aud=ABSENT), "aud_mismatch"),
    "C02 null": Forged(claims(aud=None), "aud_mismatch"),
    "C02 another client's": Forged(claims(aud=lambda aud: aud + "1"), "aud_mismatch"),
    "C02 a longer text around ours": Forged(claims(aud=lambda aud: f"{aud} other"), "aud_mismatch"),
    "C02 empty list": Forged(claims(aud=[]), "aud_mismatch"),
    "C02 object": Forged(claims(aud={}), "aud_mismatch"),
    "C02 nested list": Forged(claims(aud=lambda aud: [[aud]]), "aud_mismatch"),
    "C02 number": Forged(claims(aud=1), "aud_mismatch"),
    "C03 ours and another, no azp": Forged(claims(aud=lambda aud: [aud, "other"]), "aud_untrusted"),
    "C03 ours and another, azp ours": Forged(
        lambda right, told: sign(
            right, {**told, "azp": told["aud"], "aud": [told["aud"], "other"]}, rsa_key(), "RS256"
        ),
        "aud_untrusted",
    ),
    "C03 ours and a number": Forged(claims(aud=lambda aud: [aud, 1]), "aud_untrusted"),
    "C03 azp another": Forged(claims(azp="other"), "azp_mismatch"),
    "C03 azp list": Forged(lambda right, told: claims(azp=[told["aud"]])(right, told), "azp_mismatch"),
    "C03 azp null": Forged(claims(azp=None), "azp_mismatch"),
    "C04 missing": Forged(claims(exp=ABSENT), "exp_missing"),
    "C04 past beyond leeway": Forged(lambda right, told: claims(exp=told["iat"] - LEEWAY - 1)(right, told), "expired"),
    "C04 past by exactly the leeway": Forged(
        lambda right, told: claims(exp=told["iat"] - LEEWAY)(right, told), "expired"
    ),
    "C04 text": Forged(claims(exp=str), "exp_missing"),
    "C04 boolean": Forged(claims(exp=True), "exp_missing"),
    "C04 negative": Forged(claims(exp=-1), "expired"),
    "C04 null": Forged(claims(exp=None), "exp_missing"),
    **{
        f"C04 {name} {text}": Forged(_number(name, number), detail)
        for name, detail in (("exp", "exp_missing"), ("iat", "iat_missing"), ("nbf", "nbf_in_future"))
        for text, number in (("1e400", b"1e400"), ("-1e400", b"-1e400"), ("of 401 digits", b"1" + b"0" * 400))
    },
    "C05 missing": Forged(claims(iat=ABSENT), "iat_missing"),
    "C05 future beyond leeway": Forged(claims(iat=lambda iat: iat + LEEWAY + 1), "iat_in_future"),
    "C05 too old": Forged(claims(iat=lambda iat: iat - MOST_AGE - LEEWAY - 1), "iat_too_old"),
    "C05 text": Forged(claims(iat=str), "iat_missing"),
    "C05 boolean": Forged(claims(iat=False), "iat_missing"),
    "C06 future beyond leeway": Forged(
        lambda right, told: claims(nbf=told["iat"] + LEEWAY + 1)(right, told), "nbf_in_future"
    ),
    "C06 text": Forged(claims(nbf="now"), "nbf_in_future"),
    "C07 missing": Forged(claims(nonce=ABSENT), "nonce_missing"),
    "C07 another": Forged(claims(nonce="nonce-of-another-login"), "nonce_mismatch"),
    "C07 list with ours": Forged(claims(nonce=lambda nonce: [nonce]), "nonce_mismatch"),
    "C07 empty": Forged(claims(nonce=""), "nonce_mismatch"),
    "C07 other case": Forged(claims(nonce=lambda nonce: nonce.swapcase()), "nonce_mismatch"),
    "C07 lone surrogate": Forged(claims(nonce="\ud800"), "nonce_mismatch"),
    "C09 missing": Forged(claims(sub=ABSENT), "sub_invalid"),
    "C09 empty": Forged(claims(sub=""), "sub_invalid"),
    "C09 number": Forged(claims(sub=17), "sub_invalid"),
    "C09 256 characters": Forged(claims(sub="s" * 256), "sub_invalid"),
    "C09 NUL": Forged(claims(sub="00u\x00"), "sub_invalid"),
    "C09 not ASCII": Forged(claims(sub="00ü"), "sub_invalid"),
    "C09 list": Forged(claims(sub=["00u"]), "sub_invalid"),
    "C10 at_hash wrong": Forged(claims(at_hash=half_hash("other")), "at_hash_mismatch"),
    "C10 at_hash too long": Forged(claims(at_hash=half_hash("other") * 2), "at_hash_mismatch"),
    "C10 at_hash no text": Forged(claims(at_hash=1), "at_hash_mismatch"),
    "C10 c_hash wrong": Forged(claims(c_hash=half_hash("other")), "c_hash_mismatch"),
}
"""What is wrong with a claim of a rightly signed token."""


def _signed(right: Json, told: Json) -> bytes:
    return sign(right, told, rsa_key(), "RS256").encode()
