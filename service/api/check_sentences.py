"""What each check of a sign-in came to, in a sentence; what the outcome means; and what would have to change."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from events.domains import domain_of_address
from events.workspace import Workspace


class Told(NamedTuple):
    """A sentence, and the places of the configuration on which the check rested."""

    sentence: str
    places: tuple[str, ...] = ()


_CONNECTION: Final = ("/closed", "/sso/enabled", "/credentials")
_FIXED: Final[Mapping[tuple[str, str], Told]] = {
    ("connection", "failed"): Told(
        "SSO was off, the workspace closed, or the attempt had begun under credentials that are no longer the active "
        "ones.",
        _CONNECTION,
    ),
    ("address", "ok"): Told("The provider gave exactly one e-mail address."),
    ("address", "failed"): Told("What the provider gave as e-mail address is none, or more than one."),
    ("email_verified", "ignored"): Told(
        "Whether the provider calls the address verified does not matter under these credentials.",
        ("/credentials/email_verified",),
    ),
    ("email_verified", "ok"): Told("The provider says that the address is verified.", ("/credentials/email_verified",)),
    ("email_verified", "passed"): Told(
        "The provider says that the address is verified.", ("/credentials/email_verified",)
    ),
    ("email_verified", "failed"): Told(
        "The credentials require a verified address, and the provider did not say that it is.",
        ("/credentials/email_verified",),
    ),
    ("identity", "known"): Told("The account at the provider belonged to an active member."),
    ("identity", "unknown"): Told("The account at the provider belonged to no member yet."),
    ("identity", "deactivated"): Told("The account at the provider belonged to a member who is deactivated."),
    ("email", "known"): Told("An active member had this address."),
    ("email", "unknown"): Told("No member had this address."),
    ("email", "deactivated"): Told("A member who is deactivated had this address."),
    ("link", "conflict"): Told("The member with this address was linked to another account of the same provider."),
    ("link", "unconfirmed"): Told("The address leads to an owner or admin, who has to confirm the link by a mail."),
    ("link", "email"): Told("The account was linked to the member with its address."),
    ("link", "session"): Told("A live session of the member showed that the account is theirs."),
    ("link", "mailed_link"): Told("A click in a mail showed that the account is the member's."),
    ("invitation", "open"): Told("The address had an open invitation."),
    ("invitation", "ended"): Told("The address had an invitation that was revoked or expired."),
    ("invitation", "none"): Told("The address had no invitation."),
    ("just_in_time", "off"): Told("Just-in-time creation was off.", ("/jit/enabled",)),
    ("just_in_time", "suspended"): Told(
        "Just-in-time creation does not bring back somebody who was erased.", ("/jit/enabled",)
    ),
}
_OF_THE_PROVIDER: Final[Mapping[str, str]] = {
    "passed": "passed",
    "failed": "did not pass",
    "not_asked": "was not needed",
}

OUTCOMES: Final[Mapping[str, str]] = {
    "ok": "Let in.",
    "workspace_unavailable": "Refused: SSO was not available in this workspace.",
    "issuer_mismatch": "Refused: the link named another provider than the workspace's.",
    "attempt_missing": "Refused: the browser did not know of the sign-in that came back.",
    "attempt_expired": "Refused: the sign-in took too long, or its credentials were replaced meanwhile.",
    "attempt_used": "Refused: the sign-in had been used before.",
    "attempt_foreign": "Refused: the sign-in was begun for another workspace or under other settings.",
    "provider_denied": "Refused by the provider.",
    "provider_error": "The provider answered with an error.",
    "provider_misconfigured": "Refused: something is set otherwise at the provider than it has to be.",
    "provider_unreachable": "The provider did not answer.",
    "code_rejected": "The provider did not take its own code or our client secret.",
    "id_token_invalid": "Refused: the provider's ID token did not hold.",
    "userinfo_invalid": "Refused: what the provider told of the person did not hold.",
    "email_missing": "Refused: the provider gave no usable e-mail address.",
    "email_unverified": "Refused: the address is not verified at the provider.",
    "domain_not_allowed": "Refused: the address is of a domain that the workspace does not allow.",
    "invitation_required": "Refused: not a member, and not invited.",
    "member_deactivated": "Refused: the member is deactivated.",
    "identity_conflict": "Refused: the address belongs to a member with another account.",
    "method_not_allowed": "Refused: the workspace requires SSO.",
}

_REMEDIES: Final[Mapping[str, str]] = {
    "workspace_unavailable": "Enable SSO; `keyledger workspace readiness` says what is missing.",
    "issuer_mismatch": "Correct the Initiate login URI at the provider, or the workspace's issuer.",
    "attempt_missing": "The person starts again, and finishes in the same browser with cookies allowed.",
    "attempt_expired": "The person starts again.",
    "attempt_used": "The person starts again.",
    "attempt_foreign": "The person starts again, from this workspace's link.",
    "provider_denied": "The provider's administrator assigns the app to the person, or changes the policy that denied.",
    "provider_error": "The provider's administrator looks into its log at this time.",
    "provider_misconfigured": "The provider's administrator changes the named setting.",
    "provider_unreachable": "Try again; if it goes on, the provider's administrator looks into it.",
    "code_rejected": "The provider's administrator compares client ID and secret; stage new ones if they differ.",
    "id_token_invalid": "The provider's administrator compares issuer, client ID and signing algorithm.",
    "userinfo_invalid": "The provider's administrator looks at what its userinfo endpoint answers.",
    "email_missing": "The provider's administrator gives the person's profile one e-mail address.",
    "email_unverified": "The address gets verified at the provider, or new credentials ignore the claim.",
    "domain_not_allowed": "The person uses an address of an allowed domain, or the domain is added.",
    "invitation_required": "Somebody invites the address.",
    "member_deactivated": "An owner or admin reactivates the member.",
    "identity_conflict": "Find out who it is; then `keyledger member relink`, or `member remove` and an invitation.",
    "method_not_allowed": "The person uses SSO, or gets a bypass, or enforcement is lifted.",
}
_REMEDY_CASES: Final[Mapping[tuple[str, str], str]] = {
    ("workspace_unavailable", "closed"): "Nothing: the workspace is closed.",
    ("workspace_unavailable", "workspace_unknown"): "Register the workspace, or correct the address.",
    ("attempt_expired", "credentials_replaced"): "The person starts again, under the credentials that are active now.",
    ("attempt_expired", "credentials_switched"): "Nothing: the sign-in went on by itself.",
    ("invitation_required", "invitation_ended"): "Somebody invites the address again.",
    ("invitation_required", "just_in_time_off"): "Somebody invites the address, or just-in-time creation is enabled.",
    ("invitation_required", "erased_before"): "Somebody invites the address again; the person was erased before.",
}
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "workspace_unavailable": _CONNECTION,
    "issuer_mismatch": ("/credentials/issuer",),
    "method_not_allowed": ("/enforcement", "/bypasses"),
    "code_rejected": ("/credentials",),
    "provider_misconfigured": ("/credentials",),
    "id_token_invalid": ("/credentials",),
    "attempt_expired": ("/credentials",),
}


def tell_check(name: str, result: str, email: str | None, then: Workspace | None) -> Told:
    """Return what one check came to under the configuration of then, and what of that it rested on."""
    if name == "domain":
        return _domain(result, email, then)
    if name == "just_in_time" and result == "on":
        role = "its role" if then is None else then.jit_role
        return Told(f"Just-in-time creation was on, as {role}.", ("/jit/enabled", "/jit/role"))
    if (name, result) in _FIXED:
        return _FIXED[name, result]
    spoken = name.replace("_", " ")
    if name == "email" and result.startswith("from_"):
        return Told(f"The address came from the {result.removeprefix('from_').replace('_', ' ')}.")
    if result in _OF_THE_PROVIDER:
        return Told(f"The check of {spoken} {_OF_THE_PROVIDER[result]}.")
    return Told(f"The check of {spoken} came to: {result}.")


def _domain(result: str, email: str | None, then: Workspace | None) -> Told:
    name = None if email is None else domain_of_address(email)
    shown = name or "of the address"
    places = () if name is None else (f"/domains/{name}",)
    if result == "ok":
        return Told(f"The domain {shown} was allowed.", places)
    allowed = "none" if then is None or not then.domains else ", ".join(then.domains)
    return Told(f"The domain {shown} was not allowed; exactly these were: {allowed}.", places)


def tell_places(reason: str) -> tuple[str, ...]:
    """Return the places of the configuration that an outcome rested on, beside those of its checks."""
    return _PLACES.get(reason, ())


def tell_outcome(reason: str) -> str:
    """Return what an outcome means."""
    return OUTCOMES.get(reason, f"It ended as {reason}.")


def tell_remedy(reason: str, detail: str | None) -> str | None:
    """Return what would have to change for it to end otherwise; ``None`` when it went well."""
    return _REMEDY_CASES.get((reason, detail or ""), _REMEDIES.get(reason))
