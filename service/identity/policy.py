"""Who gets in, and what an open session opens: pure judgements on recorded state, never on settings.

The order of the checks is part of the policy. The address and its domain come first, whoever the person turns out to
be; then the identity; then the address as the key to a membership or an invitation; just-in-time creation comes last.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, assert_never

from events.catalogue.instants import write_instant
from events.domains import Address
from events.workspace import Workspace
from service.identity.addresses import read_address
from service.identity.authentication import Authentication
from service.identity.people import PRIVILEGED, Known, KnownInvitation, KnownMember, Person, Role

RefusalReason = Literal[
    "workspace_unavailable",
    "attempt_expired",
    "email_missing",
    "email_unverified",
    "domain_not_allowed",
    "invitation_required",
    "member_deactivated",
    "identity_conflict",
    "method_not_allowed",
]
Checks = dict[str, str]


@dataclass(frozen=True, slots=True)
class Admit:
    """A known identity of an active member. ``address_changed``: the membership's address follows the provider's."""

    member: KnownMember
    address_changed: bool


@dataclass(frozen=True, slots=True)
class Link:
    """An active member, found by address, gets this identity: the first one, or the first under a new issuer."""

    member: KnownMember
    how: Literal["email", "session", "mailed_link"]


@dataclass(frozen=True, slots=True)
class Consume:
    """An open invitation makes the person a member, with its role and websites."""

    invitation: KnownInvitation


@dataclass(frozen=True, slots=True)
class Create:
    """Just-in-time creation, with all websites."""

    role: Role


@dataclass(frozen=True, slots=True)
class ConfirmLink:
    """The address leads to an owner or admin: a click mailed to them has to confirm the link first."""

    target: KnownMember | KnownInvitation


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not admitted. ``detail`` is a stable slug for support that tells cases of one reason apart."""

    reason: RefusalReason
    detail: str | None = None


Verdict = Admit | Link | Consume | Create | ConfirmLink | Refuse


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, the address it is about (if it is one), and each check's result in the order they were made."""

    verdict: Verdict
    address: Address | None
    checks: Checks = field(default_factory=dict)


def judge_sign_in(connection: Workspace, person: Person, known: Known) -> Judgement:
    """Judge a proven person against a workspace's recorded configuration and what its tables know of them."""
    checks: Checks = {}
    address = read_address(person.email)
    refusal = _check_address(connection, person, address, checks)
    if refusal is not None or address is None:
        return Judgement(refusal or Refuse("email_missing"), address, checks)
    return Judgement(_match(connection, address, known, checks), address, checks)


def _check_address(connection: Workspace, person: Person, address: Address | None, checks: Checks) -> Refuse | None:
    checks["address"] = "failed" if address is None else "ok"
    if address is None:
        return Refuse("email_missing", "address_invalid")
    allowed = connection.allows(address.domain)
    checks["domain"] = "ok" if allowed else "failed"
    if not allowed:
        return Refuse("domain_not_allowed")
    required = connection.credentials is not None and connection.credentials.email_verified == "require"
    # Identity, not truth: 1 == True in Python, and only JSON true counts.
    verified = person.email_verified_claim is True
    checks["email_verified"] = "ignored" if not required else "ok" if verified else "failed"
    return Refuse("email_unverified") if required and not verified else None


def _match(connection: Workspace, address: Address, known: Known, checks: Checks) -> Verdict:
    by_identity, by_email = known.by_identity, known.by_email
    checks["identity"] = _standing(by_identity)
    if by_identity is not None and not by_identity.active:
        return Refuse("member_deactivated", "by_identity")
    checks["email"] = _standing(by_email)
    if by_email is not None and not by_email.active:
        return Refuse("member_deactivated", "by_email")
    if by_identity is not None:
        if by_email is not None and by_email.member_id != by_identity.member_id:
            return Refuse("identity_conflict", "address_of_another_member")
        return Admit(by_identity, address_changed=by_identity.email != address.display)
    if by_email is not None:
        return _link(by_email, known, checks)
    return _join(connection, known, checks)


def _standing(member: KnownMember | None) -> str:
    return "unknown" if member is None else "known" if member.active else "deactivated"


def _link(member: KnownMember, known: Known, checks: Checks) -> Verdict:
    if member.linked_here:
        checks["link"] = "conflict"
        return Refuse("identity_conflict", "linked_to_another_identity")
    if known.evidence is not None and known.evidence.target_id == member.member_id:
        checks["link"] = known.evidence.how
        return Link(member, known.evidence.how)
    if member.role in PRIVILEGED:
        checks["link"] = "unconfirmed"
        return ConfirmLink(member)
    checks["link"] = "email"
    return Link(member, "email")


def _join(connection: Workspace, known: Known, checks: Checks) -> Verdict:
    invitation = known.invitation
    if invitation is not None:
        checks["invitation"] = "open" if invitation.open else "ended"
        if not invitation.open:
            return Refuse("invitation_required", "invitation_ended")
        shown = known.evidence is not None and known.evidence.target_id == invitation.invitation_id
        if invitation.role in PRIVILEGED and not shown:
            checks["link"] = "unconfirmed"
            return ConfirmLink(invitation)
        return Consume(invitation)
    checks["invitation"] = "none"
    if known.erased:
        checks["just_in_time"] = "suspended"
        return Refuse("invitation_required", "erased_before")
    checks["just_in_time"] = "on" if connection.jit_enabled else "off"
    if not connection.jit_enabled:
        return Refuse("invitation_required", "just_in_time_off")
    # Whatever an event says, nobody becomes owner or admin without an invitation.
    return Create("viewer" if connection.jit_role == "viewer" else "editor")


def connection_refusal(connection: Workspace, credentials_id: str) -> Refuse | None:
    """Judge whether an attempt made under these credentials may still sign in by this connection."""
    if connection.closed or not connection.sso_enabled or connection.credentials is None:
        return Refuse("workspace_unavailable", "sso_off")
    if connection.credentials.credentials_id != credentials_id:
        return Refuse("attempt_expired", "credentials_replaced")
    return None


def may_open(
    connection: Workspace, authentication: Authentication, member: KnownMember, now: datetime
) -> RefusalReason | None:
    """Judge whether one authentication of a session opens this workspace for its member now; ``None`` means yes.

    ``connection`` and ``member`` are committed state of the moment. An authentication by SSO opens the workspace whose
    connection made it and no other, for as long as SSO is on, the issuer stands, and the address it was made with is
    of an allowed domain. Any other method opens every workspace of the user that does not enforce SSO, and by magic
    link also one that does, while the bypass lasts under which it was made.
    """
    if connection.closed:
        return "workspace_unavailable"
    if not member.active:
        return "member_deactivated"
    match authentication.method:
        case "sso":
            return _sso_opens(connection, authentication, member)
        case "magic_link" | "google":
            if connection.enforcement is None:
                return None
            if authentication.method == "google":
                return "method_not_allowed"
            bypass = live_bypass(connection, member, now)
            used = authentication.bypasses.get(connection.slug)
            return None if bypass is not None and bypass == used else "method_not_allowed"
        case _ as never:
            assert_never(never)


def live_bypass(connection: Workspace, member: KnownMember, now: datetime) -> str | None:
    """Return when the member's bypass ends, as an authentication notes it; ``None`` when there is none, or no more."""
    bypass = connection.bypass_of(str(member.member_id), now)
    return None if bypass is None or not member.active else write_instant(bypass.expires_at)


def _sso_opens(connection: Workspace, authentication: Authentication, member: KnownMember) -> RefusalReason | None:
    if authentication.workspace != connection.slug or authentication.member_id != str(member.member_id):
        return "method_not_allowed"
    active = connection.credentials
    if not connection.sso_enabled or active is None:
        return "method_not_allowed"
    if authentication.issuer != active.issuer:
        return "method_not_allowed"
    address = read_address(authentication.email)
    if address is None or not connection.allows(address.domain):
        return "domain_not_allowed"
    return None
