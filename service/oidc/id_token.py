"""The ID token: its form, its signature and its claims (OIDC Core 3.1.3.7, RFC 7515, RFC 8725)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from service.oidc.claims import LEEWAY_S, MOST_AGE_S, Expected, check_claims
from service.oidc.documents import Document, DocumentMalformed, parse_object
from service.oidc.errors import OidcError
from service.oidc.jwks import SigningKeys
from service.oidc.signatures import ALGORITHMS

LARGEST_TOKEN: Final = 64 * 1024
LARGEST_HEADER: Final = 1024
KEY_MAY_BE_NEW: Final = frozenset({"kid_unknown", "signature_wrong"})
"""Details of a failure that newer keys may mend."""

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_ENCRYPTED_PARTS: Final = 5
_TYPES: Final = frozenset({"jwt", "application/jwt"})
_KEY_MEMBERS: Final = frozenset({"jwk", "jku", "x5u", "x5c"})


@dataclass(frozen=True, slots=True, repr=False)
class Claims:
    """What a valid ID token says. ``checks`` names each check that was made, with its result."""

    subject: str
    members: Document
    checks: Mapping[str, str]


def validate_id_token(
    token: str,
    keys: SigningKeys,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    algorithms: frozenset[str],
    now: float,
    access_token: str | None = None,
    code: str | None = None,
    leeway: float = LEEWAY_S,
    max_age: float = MOST_AGE_S,
) -> Claims:
    """Return the claims of an ID token that was made by this issuer, for this client, in this login, just now.

    ``algorithms`` are those that the provider announced; of them only asymmetric signatures ever count. ``now``,
    ``leeway`` and ``max_age`` (of ``iat``) are in seconds. ``access_token`` and ``code`` are held against ``at_hash``
    and ``c_hash`` where the token has them.

    Raises:
        OidcError: ``id_token_invalid`` with the exact detail, or ``issuer_mismatch`` when a right signature stands
            under another issuer's name.
    """
    checks: dict[str, str] = {}
    try:
        checks["signature"] = "failed"
        alg, payload = _verified(token, keys, algorithms)
        checks["signature"] = "passed"
        checks["payload"] = "failed"
        claims = _parsed(payload, "payload_malformed")
        checks["payload"] = "passed"
        expected = Expected(issuer, client_id, nonce, now, leeway, max_age, alg, access_token, code)
        subject = check_claims(claims, expected, checks)
    except OidcError as error:
        error.checks = checks
        raise
    except Exception:  # noqa: BLE001 - whatever a hostile token makes a library raise, it is an invalid token
        malformed = _invalid("token_malformed", "The ID token cannot be read.")
        malformed.checks = checks
        raise malformed from None
    return Claims(subject, claims, checks)


def _verified(token: str, keys: SigningKeys, algorithms: frozenset[str]) -> tuple[str, bytes]:
    if len(token) > LARGEST_TOKEN:
        raise _invalid("token_too_large", "The ID token exceeds 64 KiB. Fewer groups or claims in it would help.")
    match = _COMPACT.fullmatch(token)
    if match is None:
        if token.count(".") == _ENCRYPTED_PARTS - 1:
            raise _invalid("token_encrypted", "The ID token is encrypted. Switch the encryption of ID tokens off.")
        raise _invalid("token_malformed", "The ID token is not a signed token in compact form.")
    alg, kid = _checked_header(match[1], algorithms)
    candidates = keys.having(kid, alg)
    if not candidates:
        raise _invalid("kid_unknown", "The provider does not publish the key that the ID token names.")
    if kid is None and len(candidates) > 1:
        raise _invalid("kid_missing", "The ID token does not say which of the provider's keys signed it.")
    algorithm = JWSRegistry.algorithms[alg]
    signed, signature = token[: match.end(2)].encode("ascii"), _decoded(match[3])
    if any(algorithm.verify(signed, signature, key) for key in candidates):
        return alg, _decoded(match[2])
    raise _invalid("signature_wrong", "The ID token's signature is not by the key that it names.")


def _checked_header(segment: str, algorithms: frozenset[str]) -> tuple[str, str | None]:
    if len(segment) > LARGEST_HEADER:
        raise _invalid("header_malformed", "The ID token's header is too large.")
    header = _parsed(_decoded(segment), "header_malformed")
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or alg not in algorithms or alg not in ALGORITHMS:
        raise _invalid("alg_refused", "The ID token is not signed by an algorithm that the provider announces.")
    if "crit" in header or "b64" in header:
        raise _invalid("crit_refused", "The ID token demands an extension that is not understood.")
    if _KEY_MEMBERS & header.keys():
        raise _invalid("key_in_header", "The ID token brings its own key along.")
    typ = header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.lower() not in _TYPES or "cty" in header:
        raise _invalid("typ_refused", "The token is of another type than an ID token.")
    if "kid" in header and not (isinstance(kid, str) and kid):
        raise _invalid("kid_invalid", "The ID token names its key in a way that cannot be read.")
    return alg, kid


def _decoded(segment: str) -> bytes:
    return urlsafe_b64decode(segment.encode("ascii"))


def _parsed(raw: bytes, detail: str) -> Document:
    try:
        return parse_object(raw)
    except DocumentMalformed as malformed:
        raise _invalid(detail, f"The ID token cannot be read: {malformed}.") from None


def _invalid(detail: str, explanation: str) -> OidcError:
    return OidcError("id_token_invalid", detail, explanation)
