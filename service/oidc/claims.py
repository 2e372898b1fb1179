"""What the claims of an ID token have to say (OIDC Core 2, 3.1.3.6, 3.1.3.7 and 3.3.2.11)."""

import hashlib
import hmac
import math
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, TypeGuard

from service.oidc.documents import Document
from service.oidc.errors import OidcError, shown
from service.oidc.okta import CLIENT_ID, ID_TOKEN_ISSUER, Setting
from service.oidc.signatures import HASHES

LEEWAY_S: Final = 60
MOST_AGE_S: Final = 600
LONGEST_SUBJECT: Final = 255
LONGEST_SESSION: Final = 255


@dataclass(frozen=True, slots=True, repr=False)
class Expected:
    """What the login knows and the claims have to agree with. Times are in seconds."""

    issuer: str
    client_id: str
    nonce: str
    now: float
    leeway: float
    max_age: float
    alg: str
    access_token: str | None
    code: str | None


def check_claims(claims: Document, expected: Expected, checks: dict[str, str]) -> str:
    """Check every claim and return the subject. ``checks`` receives the result of each, in order.

    Raises:
        OidcError: at the first that does not hold.
    """
    for name, check in _CHECKS:
        checks[name] = "failed"
        checks[name] = check(claims, expected)
    return str(claims["sub"])


def check_origin_and_times(claims: Document, expected: Expected) -> None:
    """Check what every token of a provider has to say: by whom and for whom it is, and that it is of now.

    Raises:
        OidcError: at the first that does not hold.
    """
    for _, check in _OF_ANY_TOKEN:
        check(claims, expected)


def _issuer(claims: Document, expected: Expected) -> str:
    found = claims.get("iss")
    if found == expected.issuer:
        return "passed"
    if not isinstance(found, str):
        _invalid("iss_missing", "The ID token does not say who issued it.")
    raise OidcError(
        "issuer_mismatch",
        "id_token_issuer_mismatch",
        f"The ID token is issued by {shown(found)}, not by {expected.issuer}.",
        field=ID_TOKEN_ISSUER,
        at_okta=(
            "In Okta, choose the Okta URL as the app's Issuer, or set the connection up with the custom domain that "
            "stands there."
        ),
    )


def _audience(claims: Document, expected: Expected) -> str:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if expected.client_id not in audiences:
        _invalid("aud_mismatch", "The ID token is for another client.", CLIENT_ID)
    if any(other != expected.client_id for other in audiences):
        _invalid("aud_untrusted", "The ID token is also for a client that is not known.", CLIENT_ID)
    if claims.get("azp", expected.client_id) != expected.client_id:
        _invalid("azp_mismatch", "The ID token was issued to another client.", CLIENT_ID)
    return "passed"


def _expiry(claims: Document, expected: Expected) -> str:
    expiry = _seconds(claims, "exp")
    if expiry is None:
        _invalid("exp_missing", "The ID token does not say when it expires.")
    late = expected.now - expiry
    if late >= expected.leeway:
        _invalid("expired", f"The ID token expired {_count(late)} seconds ago. Compare the clocks.")
    return "passed"


def _issued_at(claims: Document, expected: Expected) -> str:
    issued = _seconds(claims, "iat")
    if issued is None:
        _invalid("iat_missing", "The ID token does not say when it was issued.")
    age = expected.now - issued
    if age < -expected.leeway:
        _invalid("iat_in_future", f"The provider's clock is {_count(-age)} seconds ahead of the service's.")
    if age > expected.max_age + expected.leeway:
        _invalid("iat_too_old", f"The ID token was issued {_count(age)} seconds ago. Compare the clocks.")
    return "passed"


def _not_before(claims: Document, expected: Expected) -> str:
    if "nbf" not in claims:
        return "absent"
    start = _seconds(claims, "nbf")
    if start is None or start - expected.now > expected.leeway:
        _invalid("nbf_in_future", "The ID token is not valid yet. Compare the clocks.")
    return "passed"


def _nonce(claims: Document, expected: Expected) -> str:
    nonce = claims.get("nonce")
    if nonce is None:
        _invalid("nonce_missing", "The ID token does not say which login it belongs to.")
    if not isinstance(nonce, str) or not _same(nonce, expected.nonce):
        _invalid("nonce_mismatch", "The ID token belongs to another login.")
    return "passed"


def _subject(claims: Document, _: Expected) -> str:
    if not is_subject(claims.get("sub")):
        _invalid("sub_invalid", "The ID token does not say who the person is.")
    return "passed"


def _access_token_hash(claims: Document, expected: Expected) -> str:
    return _half_hash(claims, "at_hash", expected.access_token, expected.alg)


def _code_hash(claims: Document, expected: Expected) -> str:
    return _half_hash(claims, "c_hash", expected.code, expected.alg)


_OF_ANY_TOKEN: Final[tuple[tuple[str, Callable[[Document, Expected], str]], ...]] = (
    ("issuer", _issuer),
    ("audience", _audience),
    ("expiry", _expiry),
    ("issued_at", _issued_at),
    ("not_before", _not_before),
)
_CHECKS: Final = (
    *_OF_ANY_TOKEN,
    ("nonce", _nonce),
    ("subject", _subject),
    ("access_token_hash", _access_token_hash),
    ("code_hash", _code_hash),
)


def is_subject(value: object) -> TypeGuard[str]:
    """Whether the value can be a ``sub``: 1 to 255 printable ASCII characters (OIDC Core 2)."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_SUBJECT and value.isascii() and value.isprintable()


def provider_session(claims: Document) -> str | None:
    """Return the provider's ``sid`` (Back-Channel Logout 2.1), None where there is none that can be kept.

    A sign-in does not need one, so that an odd one fails none.
    """
    sid = claims.get("sid")
    return sid if isinstance(sid, str) and 0 < len(sid) <= LONGEST_SESSION and sid.isprintable() else None


def _half_hash(claims: Document, name: str, text: str | None, alg: str) -> str:
    if name not in claims or text is None:
        return "absent"
    digest = hashlib.new(HASHES[alg], text.encode("ascii")).digest()
    half = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")
    found = claims[name]
    if not isinstance(found, str) or not _same(found, half):
        _invalid(f"{name}_mismatch", "The ID token does not belong to what was sent with it.")
    return "passed"


def _seconds(claims: Document, name: str) -> float | None:
    """Return a NumericDate; None for anything that is none, booleans and infinite numbers included."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _count(seconds: float) -> int:
    return min(math.ceil(seconds), 10**10)


def _same(found: str, expected: str) -> bool:
    return hmac.compare_digest(found.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))


def _invalid(detail: str, explanation: str, field: Setting | None = None) -> NoReturn:
    raise OidcError("id_token_invalid", detail, explanation, field=field)
