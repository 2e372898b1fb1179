"""Who gets in, and what an open session opens: pure judgements on recorded state, never on settings.

The order of the checks is part of the policy. By SSO, the address and its domain come first, whoever the person turns
out to be; then the identity; then the address as the key to a membership or an invitation; just-in-time creation comes
last. Methods that prove a person and no workspace's connection create nobody.
"""

from datetime import datetime
from typing import assert_never

from events.catalogue.instants import write_instant
from events.domains import Address
from events.workspace import Workspace
from service.identity.addresses import read_address
from service.identity.authentication import Authentication
from service.identity.people import PRIVILEGED, Known, KnownInvitation, KnownMember, Person, UserMethod
from service.identity.verdicts import (
    Admit,
    Checks,
    ConfirmLink,
    Consume,
    Create,
    Judgement,
    Link,
    RefusalReason,
    Refuse,
    Verdict,
)

__all__ = [
    "Admit",
    "Checks",
    "ConfirmLink",
    "Consume",
    "Create",
    "Judgement",
    "Link",
    "RefusalReason",
    "Refuse",
    "Verdict",
    "connection_refusal",
    "judge_sign_in",
    "live_bypass",
    "may_open",
    "may_sign_in",
    "may_sign_in_by_sso",
]


def may_sign_in_by_sso(connection: Workspace, credentials_id: str, person: Person, known: Known) -> Judgement:
    """Judge whether a person whom an attempt under these credentials proved may sign in to the workspace now."""
    refused = connection_refusal(connection, credentials_id)
    if refused is not None:
        return Judgement(refused, None, {"connection": "failed"})
    return judge_sign_in(connection, person, known)


def may_sign_in(
    method: UserMethod, connection: Workspace, known: Known, now: datetime
) -> Admit | Consume | ConfirmLink | Refuse:
    """Judge whether a method that proves a user, and no workspace's connection, lets them into this workspace now.

    ``known.by_identity`` is the user's own membership of the workspace, ``by_email`` a member who has the proven
    address there, ``invitation`` the latest one of that address, ``evidence`` a mailed click or a live session of the
    invitee's. A magic link is a mailed click itself. Asked when a link or a round trip comes to its end, whatever held
    when it began; while SSO is required only a live bypass passes, by magic link, and never for a new person.
    """
    if connection.closed:
        return Refuse("workspace_unavailable", "closed")
    member = known.by_identity
    if member is not None:
        refused = _user_refusal(method, connection, member, live_bypass(connection, member, now))
        return Admit(member, address_changed=False) if refused is None else Refuse(refused)
    if method == "recovery":
        return Refuse("method_not_allowed", "not_a_member")
    if known.by_email is not None:
        return Refuse("identity_conflict", "address_of_another_member")
    if known.invitation is None or not known.invitation.open:
        return Refuse("invitation_required", None if known.invitation is None else "invitation_ended")
    if connection.enforcement is not None:
        return Refuse("method_not_allowed", "enforced")
    if method == "google" and known.invitation.role in PRIVILEGED and not _shown(known, known.invitation):
        return ConfirmLink(known.invitation)
    return Consume(known.invitation)


def _user_refusal(
    method: UserMethod, connection: Workspace, member: KnownMember, bypass: str | None
) -> RefusalReason | None:
    if not member.active:
        return "member_deactivated"
    if method == "recovery":
        # It leads an owner to what may repair the way in; it opens no workspace, which ``may_open`` says.
        return None if member.role == "owner" else "method_not_allowed"
    if connection.enforcement is None or (method == "magic_link" and bypass is not None):
        return None
    return "method_not_allowed"


def _shown(known: Known, invitation: KnownInvitation) -> bool:
    return known.evidence is not None and known.evidence.target_id == invitation.invitation_id


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
        if invitation.role in PRIVILEGED and not _shown(known, invitation):
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
    link also one that does, while the bypass lasts under which it was made; made by an invitation's link, it opens the
    workspace that invited alone. A recovery opens none.
    """
    if connection.closed:
        return "workspace_unavailable"
    if not member.active:
        return "member_deactivated"
    match authentication.method:
        case "sso":
            return _sso_opens(connection, authentication, member)
        case "recovery":
            return "method_not_allowed"
        case "magic_link" | "google" as method:
            if authentication.workspace not in {None, connection.slug}:
                return "method_not_allowed"
            # What a bypass opened ends with that very bypass, and does not come back with the next.
            bypass = live_bypass(connection, member, now)
            used = authentication.bypasses.get(connection.slug)
            return _user_refusal(method, connection, member, bypass if bypass == used else None)
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
