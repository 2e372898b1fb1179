"""What a decision is told beyond the workspace's events: who asks, when, and what the tables know at that moment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from events.catalogue.credentials import AuthMethod, EmailVerified, ProviderKind, SubjectType
from events.catalogue.event_data import Role
from events.domains import MailDomainPolicy
from events.envelope import Actor


@dataclass(frozen=True, slots=True)
class SsoLink:
    """An identity of a member at a provider, and its last successful sign-in or test there, if there was one."""

    issuer: str
    subject_scope: str
    last_success_at: datetime | None


@dataclass(frozen=True, slots=True)
class MemberFact:
    """A member as the tables know them. ``domain`` is the A-label domain of their address in this workspace."""

    member_id: str
    role: Role
    domain: str
    active: bool = True
    websites: Literal["all"] | Sequence[str] = "all"
    links: tuple[SsoLink, ...] = ()


@dataclass(frozen=True, slots=True)
class InvitationFact:
    """An open invitation."""

    invitation_id: str
    role: Role
    domain: str


@dataclass(frozen=True, slots=True)
class ResolvedCredentials:
    """New credentials after discovery and sealing: what their event will carry."""

    credentials_id: str
    provider_kind: ProviderKind
    issuer: str
    client_id: str
    secret_id: str
    secret_digest: str
    secret_fingerprint: str
    auth_method: AuthMethod
    email_verified: EmailVerified
    subject_type: SubjectType = "public"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true at the moment of the decision, read under the workspace's lock.

    Attributes:
        now: the database's clock.
        actor: who asks, as authentication found out.
        acting_role: the role of an acting member; ``recovery`` for an owner in a recovery session.
        reason: the request's own reason.
        owners: the active owners, with their links; what every guard against a lock-out looks at.
        member: the member that the command is about, by address or id; None if there is none.
        credentials: what ``CredentialsSet`` and ``CredentialsStaged`` resolved to.
        proven_domains: domains at which the workspace's DNS record was found just now.
        sso_since_enforcement: the sign-in log holds a successful sign-in by SSO since enforcement began.
        members: the active members; only for the readiness answer.
        invitations: the open invitations; only for the readiness answer.
    """

    now: datetime
    actor: Actor
    acting_role: Role | Literal["recovery"] | None = None
    reason: str | None = None
    owners: tuple[MemberFact, ...] = ()
    member: MemberFact | None = None
    credentials: ResolvedCredentials | None = None
    proven_domains: frozenset[str] = frozenset()
    sso_since_enforcement: bool = False
    members: tuple[MemberFact, ...] = ()
    invitations: tuple[InvitationFact, ...] = ()


@dataclass(frozen=True)
class Rules:
    """The settings that judge commands. They never judge a sign-in: that goes by what is recorded.

    ``recent``: how old an owner's last success by SSO may be to count as a way in.
    """

    sso_plans: frozenset[str] = frozenset({"one"})
    require_verified_domains: bool = False
    mail_domains: MailDomainPolicy = field(default_factory=MailDomainPolicy)
    recent: timedelta = timedelta(days=30)
