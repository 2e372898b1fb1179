"""What is missing before SSO, and before enforcement; and whom enforcement would affect."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from events.decisions.facts import Facts, MemberFact, Rules
from events.decisions.lockout import some_owner_has_way_in
from events.workspace import Workspace

SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "plan": "The workspace's plan does not include SSO: change the plan.",
        "domain": "No e-mail domain is allowed yet: add one.",
        "credentials": "The provider's credentials are missing: set the domain or issuer, client ID and client secret.",
        "verified_domain": "Ownership of every allowed domain must be shown first: verify the domains.",
        "sso": "SSO is not enabled yet: enable it.",
        "proof": "Nobody has signed in through the active credentials yet: sign in by SSO, or use the test button.",
        "owner": "No active owner has signed in by SSO recently: an owner signs in by SSO first.",
    }
)
"""Each item that can be missing, with what to do about it."""


@dataclass(frozen=True, slots=True)
class Affected:
    """Whom enforcement would affect: ids of members and invitations.

    Attributes:
        outside_domains: members whose address is in none of the allowed domains; SSO refuses them.
        never_by_sso: members who never signed in by SSO through the active credentials' issuer.
        owners: the owners among those two.
        open_invitations: people invited and not yet in.
        invitations_outside_domains: those of them whom SSO would refuse.
    """

    outside_domains: tuple[str, ...]
    never_by_sso: tuple[str, ...]
    owners: tuple[str, ...]
    open_invitations: tuple[str, ...]
    invitations_outside_domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is missing, as keys of ``SENTENCES``; empty means nothing stands in the way."""

    sso: tuple[str, ...]
    enforcement: tuple[str, ...]
    unverified_domains: tuple[str, ...]
    affected: Affected


def readiness(workspace: Workspace, facts: Facts, rules: Rules) -> Readiness:
    """Return what is missing and who would be affected; ``facts.members`` and ``facts.invitations`` are looked at."""
    return Readiness(
        sso=missing_for_sso(workspace, rules),
        enforcement=missing_for_enforcement(workspace, facts, rules),
        unverified_domains=unverified_domains(workspace),
        affected=_affected(workspace, facts),
    )


def missing_for_sso(workspace: Workspace, rules: Rules) -> tuple[str, ...]:
    """Return all that is missing before SSO can be enabled."""
    unverified = rules.require_verified_domains and (unverified_domains(workspace) or not workspace.domains)
    items = {
        "plan": workspace.plan not in rules.sso_plans,
        "domain": not workspace.domains,
        "credentials": workspace.credentials is None,
        "verified_domain": bool(unverified),
    }
    return tuple(item for item, is_missing in items.items() if is_missing)


def missing_for_enforcement(workspace: Workspace, facts: Facts, rules: Rules) -> tuple[str, ...]:
    """Return all that is missing before SSO can be required."""
    items = {
        "plan": workspace.plan not in rules.sso_plans,
        "domain": not workspace.domains,
        "sso": not workspace.sso_enabled,
        "proof": workspace.credentials is None or not workspace.credentials.proven,
        "owner": not some_owner_has_way_in(workspace, facts, rules),
    }
    return tuple(item for item, is_missing in items.items() if is_missing)


def unverified_domains(workspace: Workspace) -> tuple[str, ...]:
    """Return the allowed domains whose ownership was not shown."""
    return tuple(sorted(name for name, domain in workspace.domains.items() if domain.verified is None))


def _affected(workspace: Workspace, facts: Facts) -> Affected:
    active = [member for member in facts.members if member.active]
    outside = [member for member in active if not workspace.allows(member.domain)]
    never = [member for member in active if not _has_signed_in(workspace, member)]
    owners = {member.member_id for member in (*outside, *never) if member.role == "owner"}
    return Affected(
        outside_domains=tuple(member.member_id for member in outside),
        never_by_sso=tuple(member.member_id for member in never),
        owners=tuple(sorted(owners)),
        open_invitations=tuple(invitation.invitation_id for invitation in facts.invitations),
        invitations_outside_domains=tuple(
            invitation.invitation_id for invitation in facts.invitations if not workspace.allows(invitation.domain)
        ),
    )


def _has_signed_in(workspace: Workspace, member: MemberFact) -> bool:
    credentials = workspace.credentials
    return credentials is not None and any(
        link.issuer == credentials.issuer
        and link.subject_scope == credentials.subject_scope
        and link.last_success_at is not None
        for link in member.links
    )
