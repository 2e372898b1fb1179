"""Members and invitations, by opaque id alone: a person can be erased, and what is recorded cannot."""

from typing import ClassVar, Literal

from events.catalogue.event_data import EventData, Identifier, Instant, Role, Websites


class MemberInvited(EventData):
    """An invitation is open."""

    invitation_id: Identifier
    role: Role
    websites: Websites
    expires_at: Instant | None = None


class InvitationRevoked(EventData):
    """The invitation opens nothing any more."""

    invitation_id: Identifier


class MemberJoined(EventData):
    """A person is a member: created just in time, by an invitation, or linked to a membership that was there."""

    member_id: Identifier
    how: Literal["jit", "invited", "linked"]
    role: Role
    websites: Websites
    invitation_id: Identifier | None = None
    credentials_id: Identifier | None = None


class MemberRoleChanged(EventData):
    """The member has another role, or other websites."""

    member_id: Identifier
    role: Role
    websites: Websites


class MemberDeactivated(EventData):
    """The member is kept and cannot sign in."""

    member_id: Identifier


class MemberReactivated(EventData):
    """The member may sign in again."""

    member_id: Identifier


class MemberErased(EventData):
    """What was known of the person is deleted; a keyed tombstone keeps the address from coming back unseen."""

    member_id: Identifier


class IdentityRelinked(EventData):
    """The member signs in by another identity at the provider than before, shown to be theirs in the named way.

    ``support`` found out whose the identity is, and put it in place of the one that was linked.
    """

    schema_version: ClassVar[int] = 2

    member_id: Identifier
    credentials_id: Identifier
    how: Literal["email", "session", "mailed_link", "support"]
