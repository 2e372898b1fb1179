"""What the API answers about people: readiness, sign-ins, members, invitations."""

from typing import Any, Literal

from service.api.shapes import RecordedShape, Shape


class MissingShape(Shape):
    """Something that is missing, and what to do about it."""

    item: str
    sentence: str


class GateShape(Shape):
    """Whether SSO, or its enforcement, is on, and what is missing before it can be."""

    enabled: bool
    ready: bool
    missing: list[MissingShape]


class AffectedShape(Shape):
    """Whom enforcement would affect, by e-mail address."""

    outside_domains: list[str]
    never_by_sso: list[str]
    owners: list[str]
    open_invitations: list[str]
    invitations_outside_domains: list[str]


class ReadinessShape(Shape):
    """What is missing before SSO, and before enforcement; and whom enforcement would affect."""

    slug: str
    version: int
    sso: GateShape
    enforcement: GateShape
    unverified_domains: list[str]
    affected: AffectedShape


class SignInShape(Shape):
    """One sign-in, good or bad. ``reason`` is ok or why not; ``checks`` are the results in the order of checking."""

    id: int
    at: str
    method: Literal["sso", "google", "magic_link", "recovery"]
    reason: str
    initiated_by: str | None
    config_version: int | None
    credentials_id: str | None
    member_id: str | None
    email: str | None
    checks: dict[str, Any]
    detail: str | None
    explanation: str | None
    okta_field: str | None
    request_id: str


class MemberShape(Shape):
    """A member of a workspace. ``websites``: all of them, or the ids of some."""

    id: str
    email: str
    name: str
    role: Literal["owner", "admin", "editor", "viewer"]
    websites: Literal["all"] | list[str]
    status: Literal["active", "deactivated"]
    joined_at: str
    last_sso_at: str | None


class InvitationShape(Shape):
    """An invitation. One that was revoked or has expired suspends just-in-time creation for its address."""

    id: str
    email: str
    role: Literal["owner", "admin", "editor", "viewer"]
    websites: Literal["all"] | list[str]
    status: str
    created_at: str
    expires_at: str


class MemberChangedShape(RecordedShape):
    """What a change to a member recorded, and the member after it."""

    member: MemberShape


class InvitedShape(RecordedShape):
    """What an invitation recorded, and the invitation."""

    invitation: InvitationShape


class RelinkedShape(MemberChangedShape):
    """What came of linking a member to another account: done, mailed for the member to confirm, or so already."""

    outcome: Literal["linked", "mailed", "unchanged"]
