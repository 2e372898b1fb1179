"""A token that a provider signs: its form and its signature, before any claim is believed (RFC 7515, RFC 8725)."""

import re
from dataclasses import dataclass
from typing import Final

from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

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
_KEY_MEMBERS: Final = frozenset({"jwk", "jku", "x5u", "x5c"})


@dataclass(frozen=True, slots=True)
class TokenKind:
    """What a token is called in explanations, and the types, in lower case, that its header may give (RFC 8725 3.11).

    A token that gives none passes for a JWT.
    """

    name: str
    types: frozenset[str]

    def invalid(self, detail: str, explanation: str) -> OidcError:
        """Return the error for a token of this kind."""
        return OidcError("id_token_invalid", detail, f"The {self.name} {explanation}")


ID_TOKEN: Final = TokenKind("ID token", frozenset({"jwt", "application/jwt"}))
LOGOUT_TOKEN: Final = TokenKind(
    "logout token", frozenset({"logout+jwt", "application/logout+jwt", "jwt", "application/jwt"})
)


def verified_payload(token: str, keys: SigningKeys, algorithms: frozenset[str], kind: TokenKind) -> tuple[str, bytes]:
    """Return the algorithm that signed the token, and what it holds.

    ``algorithms`` are those that the provider announced; of them only asymmetric signatures ever count.

    Raises:
        OidcError: with the exact detail. A hostile token can make the libraries raise other errors as well.
    """
    if len(token) > LARGEST_TOKEN:
        raise kind.invalid("token_too_large", "exceeds 64 KiB. Fewer groups or claims in it would help.")
    match = _COMPACT.fullmatch(token)
    if match is None:
        if token.count(".") == _ENCRYPTED_PARTS - 1:
            raise kind.invalid("token_encrypted", "is encrypted. Switch the encryption of ID tokens off.")
        raise kind.invalid("token_malformed", "is not a signed token in compact form.")
    alg, kid = _checked_header(match[1], algorithms, kind)
    candidates = keys.having(kid, alg)
    if not candidates:
        raise kind.invalid("kid_unknown", "names a key that the provider does not publish.")
    if kid is None and len(candidates) > 1:
        raise kind.invalid("kid_missing", "does not say which of the provider's keys signed it.")
    algorithm = JWSRegistry.algorithms[alg]
    signed, signature = token[: match.end(2)].encode("ascii"), _decoded(match[3])
    if any(algorithm.verify(signed, signature, key) for key in candidates):
        return alg, _decoded(match[2])
    raise kind.invalid("signature_wrong", "has a signature that is not by the key that it names.")


def parsed(raw: bytes, detail: str, kind: TokenKind) -> Document:
    """Return the object that a part of a token holds.

    Raises:
        OidcError: it holds none; with this ``detail``.
    """
    try:
        return parse_object(raw)
    except DocumentMalformed as malformed:
        raise kind.invalid(detail, f"cannot be read: {malformed}.") from None


def _checked_header(segment: str, algorithms: frozenset[str], kind: TokenKind) -> tuple[str, str | None]:
    if len(segment) > LARGEST_HEADER:
        raise kind.invalid("header_malformed", "has a header that is too large.")
    header = parsed(_decoded(segment), "header_malformed", kind)
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or alg not in algorithms or alg not in ALGORITHMS:
        raise kind.invalid("alg_refused", "is not signed by an algorithm that the provider announces.")
    if "crit" in header or "b64" in header:
        raise kind.invalid("crit_refused", "demands an extension that is not understood.")
    if _KEY_MEMBERS & header.keys():
        raise kind.invalid("key_in_header", "brings its own key along.")
    typ = header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.lower() not in kind.types or "cty" in header:
        raise kind.invalid("typ_refused", "is of another type by its header.")
    if "kid" in header and not (isinstance(kid, str) and kid):
        raise kind.invalid("kid_invalid", "names its key in a way that cannot be read.")
    return alg, kid


def _decoded(segment: str) -> bytes:
    return urlsafe_b64decode(segment.encode("ascii"))
