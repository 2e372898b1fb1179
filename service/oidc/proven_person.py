"""Who signed in, as a provider proved it to the client that a connection is."""

from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from service.oidc.claims import provider_session
from service.oidc.documents import Document
from service.oidc.email import asserted_name, choose_email
from service.oidc.id_token import Claims
from service.oidc.tokens import TokenAnswer

LONGEST_DOMAIN: Final = 253


@dataclass(frozen=True, slots=True)
class ProviderCredentials:
    """What a connection knows of its provider. The values of the last three are those of the recorded events."""

    issuer: str
    client_id: str
    client_secret: SecretStr
    auth_method: str
    email_verified: str
    subject_type: str


@dataclass(frozen=True, slots=True)
class ProvenPerson:
    """Who signed in, as the provider proved it.

    ``subject_scope`` is empty where ``sub`` means the same person for every client of the issuer, else the client ID
    (OIDC Core 8). ``email_verified_claim`` is None where the provider gave no JSON boolean. ``claims_checked`` names
    each check that was made, in order, with its result and without any value. ``hosted_domain`` is Google's ``hd``, the
    domain of the organisation that the account belongs to. ``sid`` is the person's session at the provider, where it
    told one. ``id_token`` is what proved it, signed by ``alg``.
    """

    issuer: str
    subject: str
    subject_scope: str
    email: str
    email_verified_claim: bool | None
    name: str | None
    claims_checked: dict[str, str]
    userinfo_used: bool
    hosted_domain: str | None = None
    sid: str | None = None
    id_token: SecretStr | None = None
    alg: str = "RS256"


def proven_person(
    answer: TokenAnswer,
    claims: Claims,
    userinfo: Document | None,
    credentials: ProviderCredentials,
    checks: dict[str, str],
) -> ProvenPerson:
    """Return who the tokens prove the person to be; what is looked at is added to ``checks``.

    Raises:
        OidcError: no address counts.
    """
    checks["email"] = "failed"
    email = choose_email(claims.members, userinfo, credentials.email_verified)
    checks["email"] = f"from_{email.source}"
    checks["email_verified"] = "ignored" if credentials.email_verified == "ignore" else "passed"
    return ProvenPerson(
        issuer=credentials.issuer,
        subject=claims.subject,
        subject_scope=credentials.client_id if credentials.subject_type == "pairwise" else "",
        email=email.address,
        email_verified_claim=email.verified,
        name=asserted_name(claims.members, userinfo),
        claims_checked=checks,
        userinfo_used=userinfo is not None,
        hosted_domain=_hosted_domain(claims, userinfo),
        sid=provider_session(claims.members),
        id_token=SecretStr(answer.id_token),
        alg=claims.alg,
    )


def _hosted_domain(claims: Claims, userinfo: Document | None) -> str | None:
    told = claims.members.get("hd") or (userinfo or {}).get("hd")
    return told if isinstance(told, str) and len(told) <= LONGEST_DOMAIN else None
