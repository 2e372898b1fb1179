"""The logout token that a provider posts when a session there ends (OpenID Connect Back-Channel Logout 2.4 and 2.6)."""

from dataclasses import dataclass
from typing import Final

from service.oidc.claims import LEEWAY_S, MOST_AGE_S, Expected, check_origin_and_times, is_subject, provider_session
from service.oidc.documents import Document
from service.oidc.errors import OidcError
from service.oidc.jwks import SigningKeys
from service.oidc.signed_token import LOGOUT_TOKEN, parsed, verified_payload

LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LONGEST_ID: Final = 255


@dataclass(frozen=True, slots=True, repr=False)
class LogoutToken:
    """Whose sessions end: those of ``subject``, the one called ``sid``, or both named together; never neither.

    ``jti`` is the token's own id, by which it counts once.
    """

    subject: str | None
    sid: str | None
    jti: str


def validate_logout_token(
    token: str, keys: SigningKeys, *, issuer: str, client_id: str, algorithms: frozenset[str], now: float
) -> LogoutToken:
    """Return what a logout token says that was made by this issuer, for this client, just now.

    ``algorithms`` are those that may have signed it; ``now`` is in seconds since the epoch.

    Raises:
        OidcError: with the exact detail.
    """
    try:
        alg, payload = verified_payload(token, keys, algorithms, LOGOUT_TOKEN)
        claims = parsed(payload, "payload_malformed", LOGOUT_TOKEN)
        expected = Expected(issuer, client_id, "", now, LEEWAY_S, MOST_AGE_S, alg, None, None)
        check_origin_and_times(claims, expected)
        return _logout(claims)
    except OidcError:
        raise
    except Exception:  # noqa: BLE001 - whatever a hostile token makes a library raise, it is an invalid token
        raise LOGOUT_TOKEN.invalid("token_malformed", "cannot be read.") from None


def _logout(claims: Document) -> LogoutToken:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise LOGOUT_TOKEN.invalid("event_missing", "tells of no logout.")
    if "nonce" in claims:
        raise LOGOUT_TOKEN.invalid("nonce_present", "has a nonce, as only ID tokens have.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_ID or not jti.isprintable():
        raise LOGOUT_TOKEN.invalid("jti_missing", "has no id of its own.")
    subject, sid = claims.get("sub"), provider_session(claims)
    if "sub" in claims and not is_subject(subject):
        raise LOGOUT_TOKEN.invalid("sub_invalid", "names nobody.")
    if "sid" in claims and sid is None:
        raise LOGOUT_TOKEN.invalid("sid_invalid", "names no session.")
    if subject is None and sid is None:
        raise LOGOUT_TOKEN.invalid("subject_missing", "names neither a person nor a session.")
    return LogoutToken(subject, sid, jti)
