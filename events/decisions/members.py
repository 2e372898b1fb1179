"""Decisions about members and invitations. While SSO is required, an owner with a way in stays."""

from typing import Literal

from events.catalogue.event_data import EventData, Role
from events.catalogue.people import (
    IdentityRelinked,
    InvitationRevoked,
    MemberDeactivated,
    MemberErased,
    MemberInvited,
    MemberJoined,
    MemberReactivated,
    MemberRoleChanged,
)
from events.commands.people import (
    ChangeMember,
    DeactivateMember,
    EraseMember,
    InviteMember,
    JoinMember,
    ReactivateMember,
    RelinkIdentity,
    RevokeInvitation,
)
from events.decisions.authority import is_staff
from events.decisions.facts import Facts, MemberFact, Rules
from events.decisions.lockout import lock_out, some_owner_has_way_in
from events.refusals import Refusal
from events.workspace import Workspace


def invite_member(_workspace: Workspace, command: InviteMember, facts: Facts, _rules: Rules) -> list[EventData]:
    """Open an invitation.

    Raises:
        Refusal: ``forbidden`` when staff would add an owner to a workspace that has one.
    """
    _owners_make_owners(command.role, facts)
    invited = MemberInvited(
        invitation_id=command.invitation_id,
        role=command.role,
        websites=command.websites,
        expires_at=command.expires_at,
    )
    return [invited]


def revoke_invitation(_workspace: Workspace, command: RevokeInvitation, _: Facts, _rules: Rules) -> list[EventData]:
    """Make an invitation open nothing."""
    return [InvitationRevoked(invitation_id=command.invitation_id)]


def join_member(workspace: Workspace, command: JoinMember, _facts: Facts, _rules: Rules) -> list[EventData]:
    """Record a new member. What admitted them is looked at again, in the state that the event follows.

    Raises:
        Refusal: ``not_ready`` when SSO is off or the credentials are not the active ones any more; ``forbidden`` when
            just-in-time creation is off or gives another role.
    """
    by_sso = command.credentials_id is not None
    active = workspace.credentials
    if by_sso and not (workspace.sso_enabled and active and active.credentials_id == command.credentials_id):
        raise Refusal("not_ready", "The connection changed during the sign-in: start again.", missing=["credentials"])
    if command.how == "jit" and not (by_sso and workspace.jit_enabled and command.role == workspace.jit_role):
        raise Refusal("forbidden", "Just-in-time creation is off, or gives another role: ask for an invitation.")
    return [MemberJoined(**command.model_dump())]


def change_member(workspace: Workspace, command: ChangeMember, facts: Facts, rules: Rules) -> list[EventData]:
    """Give a member another role or other websites.

    Raises:
        Refusal: ``member_unknown``; ``forbidden`` when staff would add an owner to a workspace that has one;
            ``would_lock_out`` for the last owner with a way in while SSO is required.
    """
    member = _member(facts)
    role = command.role or member.role
    websites: Literal["all"] | list[str] = _websites(member) if command.websites is None else command.websites
    if (role, websites) == (member.role, _websites(member)):
        return []
    if role != member.role:
        _owners_make_owners(role, facts)
        _keep_an_owner(workspace, member, facts, rules)
    return [MemberRoleChanged(member_id=member.member_id, role=role, websites=websites)]


def deactivate_member(workspace: Workspace, _command: DeactivateMember, facts: Facts, rules: Rules) -> list[EventData]:
    """Keep the member and let them in no longer.

    Raises:
        Refusal: ``member_unknown``, ``would_lock_out``.
    """
    member = _member(facts)
    if not member.active:
        return []
    _keep_an_owner(workspace, member, facts, rules)
    return [MemberDeactivated(member_id=member.member_id)]


def reactivate_member(_workspace: Workspace, _command: ReactivateMember, facts: Facts, _: Rules) -> list[EventData]:
    """Let a deactivated member in again.

    Raises:
        Refusal: ``member_unknown``; ``forbidden`` when staff would add an owner to a workspace that has one.
    """
    member = _member(facts)
    if member.active:
        return []
    _owners_make_owners(member.role, facts)
    return [MemberReactivated(member_id=member.member_id)]


def erase_member(workspace: Workspace, _command: EraseMember, facts: Facts, rules: Rules) -> list[EventData]:
    """Delete what is known of the person.

    Raises:
        Refusal: ``member_unknown``, ``would_lock_out``.
    """
    member = _member(facts)
    _keep_an_owner(workspace, member, facts, rules)
    return [MemberErased(member_id=member.member_id)]


def relink_identity(workspace: Workspace, command: RelinkIdentity, facts: Facts, _rules: Rules) -> list[EventData]:
    """Record that the member signs in by another identity.

    Raises:
        Refusal: for support, ``member_unknown``; ``data_invalid`` without a reason or for a deactivated member;
            ``not_ready`` when the identity is of other credentials; ``forbidden`` for an owner or admin, who confirm
            it themselves.
    """
    if is_staff(facts) != (command.how == "support"):
        raise Refusal("forbidden", "Support links on its own word, and nobody else does.", how=command.how)
    if command.how == "support":
        _support_may_relink(workspace, command, facts)
    return [IdentityRelinked(**command.model_dump())]


def _support_may_relink(workspace: Workspace, command: RelinkIdentity, facts: Facts) -> None:
    member = _member(facts)
    if not facts.reason:
        raise Refusal("data_invalid", "Say why: how it was found out that the account is this member's.")
    if not member.active:
        raise Refusal("data_invalid", "This member is deactivated. Reactivate them first.")
    if workspace.credentials is None or workspace.credentials.credentials_id != command.credentials_id:
        raise Refusal("not_ready", "The connection changed since that sign-in.", missing=["credentials"])
    if member.role in {"owner", "admin"}:
        sentence = "An owner or admin confirms another account by a mailed link; support cannot do it for them."
        raise Refusal("forbidden", sentence, role=member.role)


def _member(facts: Facts) -> MemberFact:
    if facts.member is None:
        raise Refusal("member_unknown", "There is no such member in this workspace.")
    return facts.member


def _websites(member: MemberFact) -> Literal["all"] | list[str]:
    return "all" if member.websites == "all" else list(member.websites)


def _owners_make_owners(role: Role, facts: Facts) -> None:
    if role == "owner" and is_staff(facts) and facts.owners:
        raise Refusal("forbidden", "This workspace has an owner, so only an owner can add another.", role=role)


def _keep_an_owner(workspace: Workspace, member: MemberFact, facts: Facts, rules: Rules) -> None:
    if workspace.enforcement is None or member.role != "owner" or not member.active:
        return
    if not some_owner_has_way_in(workspace, facts, rules, without=member.member_id):
        lock_out(
            "SSO is required, and no other active owner has signed in by SSO recently. "
            "Let another owner sign in by SSO first, or lift enforcement.",
            missing=["owner"],
        )
