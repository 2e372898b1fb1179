"""Commands about members and invitations, by opaque id."""

from typing import ClassVar, Literal

from events.catalogue.event_data import Identifier, Role, Websites
from events.commands.command import Command, Moment


class InviteMember(Command):
    """Open an invitation."""

    emits: ClassVar[str] = "MemberInvited"

    invitation_id: Identifier
    role: Role
    websites: Websites = "all"
    expires_at: Moment | None = None


class RevokeInvitation(Command):
    """Make an invitation open nothing."""

    emits: ClassVar[str] = "InvitationRevoked"

    invitation_id: Identifier


class JoinMember(Command):
    """Record that a person became a member by a sign-in."""

    emits: ClassVar[str] = "MemberJoined"

    member_id: Identifier
    how: Literal["jit", "invited", "linked"]
    role: Role
    websites: Websites = "all"
    invitation_id: Identifier | None = None
    credentials_id: Identifier | None = None


class ChangeMember(Command):
    """Give a member another role or other websites; what is left out stays."""

    emits: ClassVar[str] = "MemberRoleChanged"

    member_id: Identifier
    role: Role | None = None
    websites: Websites | None = None


class DeactivateMember(Command):
    """Keep the member and let them in no longer."""

    emits: ClassVar[str] = "MemberDeactivated"

    member_id: Identifier


class ReactivateMember(Command):
    """Let a deactivated member in again."""

    emits: ClassVar[str] = "MemberReactivated"

    member_id: Identifier


class EraseMember(Command):
    """Delete what is known of the person."""

    emits: ClassVar[str] = "MemberErased"

    member_id: Identifier


class RelinkIdentity(Command):
    """Record that the member signs in by another identity at the provider."""

    emits: ClassVar[str] = "IdentityRelinked"

    member_id: Identifier
    credentials_id: Identifier
    how: Literal["email", "session", "mailed_link", "support"]
