"""The ID token: its form, its signature and its claims (OIDC Core 3.1.3.7, RFC 7515, RFC 8725)."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.oidc.claims import LEEWAY_S, MOST_AGE_S, Expected, check_claims
from service.oidc.documents import Document
from service.oidc.errors import OidcError
from service.oidc.jwks import SigningKeys
from service.oidc.signed_token import ID_TOKEN, parsed, verified_payload


@dataclass(frozen=True, slots=True, repr=False)
class Claims:
    """What a valid ID token says. ``alg`` signed it. ``checks`` names each check that was made, with its result."""

    subject: str
    alg: str
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
        alg, payload = verified_payload(token, keys, algorithms, ID_TOKEN)
        checks["signature"] = "passed"
        checks["payload"] = "failed"
        claims = parsed(payload, "payload_malformed", ID_TOKEN)
        checks["payload"] = "passed"
        expected = Expected(issuer, client_id, nonce, now, leeway, max_age, alg, access_token, code)
        subject = check_claims(claims, expected, checks)
    except OidcError as error:
        error.checks = checks
        raise
    except Exception:  # noqa: BLE001 - whatever a hostile token makes a library raise, it is an invalid token
        malformed = ID_TOKEN.invalid("token_malformed", "cannot be read.")
        malformed.checks = checks
        raise malformed from None
    return Claims(subject, alg, claims, checks)
