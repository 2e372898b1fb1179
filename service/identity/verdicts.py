"""What the policy can answer: admit, link, consume an invitation, create, ask for a click, or refuse."""

from dataclasses import dataclass, field
from typing import Literal

from events.domains import Address
from service.identity.people import KnownInvitation, KnownMember, Role

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
