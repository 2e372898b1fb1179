"""What the policy knows of people: values read from the tables, without the tables."""

from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from pydantic import SecretStr

Role = Literal["owner", "admin", "editor", "viewer"]
UserMethod = Literal["google", "magic_link", "recovery"]
"""Ways to show who one is that no workspace's connection had a part in."""
Method = Literal["sso"] | UserMethod

PRIVILEGED: frozenset[str] = frozenset({"owner", "admin"})
"""Roles that no e-mail address alone leads to."""


class Person(Protocol):
    """Who a provider proved somebody to be, under one connection."""

    @property
    def issuer(self) -> str:
        """The provider's issuer identifier, verbatim."""

    @property
    def subject(self) -> str:
        """The provider's identifier of the person."""

    @property
    def subject_scope(self) -> str:
        """The client id where subjects are pairwise, else the empty string (OIDC Core 8)."""

    @property
    def email(self) -> str:
        """The address as the provider gave it."""

    @property
    def email_verified_claim(self) -> object:
        """The claim as it came; only JSON ``true`` says yes (OIDC Core 5.1)."""

    @property
    def name(self) -> str | None:
        """The display name, if the provider told one."""

    @property
    def sid(self) -> str | None:
        """The person's session at the provider, if it told one (OpenID Connect Back-Channel Logout 2.1)."""

    @property
    def id_token(self) -> SecretStr | None:
        """The ID token that proved it, where it is still at hand."""


@dataclass(frozen=True, slots=True)
class KnownMember:
    """A member of the workspace that is being signed in to.

    ``linked_here``: an identity of the person's issuer (and scope) is linked to the member. ``linked_before``: one of
    another issuer is. ``websites`` is JSON: ``"all"`` or a list of ids.
    """

    member_id: UUID
    user_id: UUID
    role: Role
    active: bool
    email: str
    websites: str = '"all"'
    linked_here: bool = False
    linked_before: bool = False


@dataclass(frozen=True, slots=True)
class KnownInvitation:
    """The latest invitation of an address to the workspace.

    Not ``open``: it was revoked, or it expired, or staff meant it for the first owner and there is one by now.
    """

    invitation_id: UUID
    role: Role
    websites: str
    """JSON: ``"all"`` or a list of ids."""
    open: bool
    email: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows, beside the address, that the person is the member or invitee with this id."""

    target_id: UUID
    how: Literal["session", "mailed_link"]


@dataclass(frozen=True, slots=True)
class Known:
    """What the tables know of a person at one moment, in one workspace.

    ``erased``: somebody with this address or identity was a member once, and was erased.
    """

    by_identity: KnownMember | None = None
    by_email: KnownMember | None = None
    invitation: KnownInvitation | None = None
    erased: bool = False
    evidence: Evidence | None = None
