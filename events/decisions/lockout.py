"""The guard against a lock-out: while SSO is required, at least one active owner has a way in by SSO."""

from collections.abc import Collection
from typing import NoReturn

from events.decisions.facts import Facts, MemberFact, Rules
from events.refusals import Refusal
from events.workspace import Workspace
from events.workspace_values import Credentials


def has_way_in(owner: MemberFact, target: Credentials, domains: Collection[str], facts: Facts, rules: Rules) -> bool:
    """Whether the owner could sign in through these credentials: allowed domain, linked there, recently successful."""
    if owner.role != "owner" or not owner.active or owner.domain not in domains:
        return False
    return any(
        link.issuer == target.issuer
        and link.subject_scope == target.subject_scope
        and link.last_success_at is not None
        and facts.now - link.last_success_at <= rules.recent
        for link in owner.links
    )


def some_owner_has_way_in(
    workspace: Workspace,
    facts: Facts,
    rules: Rules,
    *,
    target: Credentials | None = None,
    domains: Collection[str] | None = None,
    without: str | None = None,
) -> bool:
    """Whether an owner has a way in, after a change to ``target``, to these ``domains``, or ``without`` a member."""
    credentials = target or workspace.credentials
    if credentials is None:
        return False
    allowed = workspace.domains if domains is None else domains
    return any(
        has_way_in(owner, credentials, allowed, facts, rules) for owner in facts.owners if owner.member_id != without
    )


def refuse_while_enforced(workspace: Workspace, sentence: str) -> None:
    """Refuse what would take the way in away while SSO is required.

    Raises:
        Refusal: ``would_lock_out``.
    """
    if workspace.enforcement is not None:
        lock_out(sentence)


def lock_out(sentence: str, **details: object) -> NoReturn:
    """Refuse with ``would_lock_out``."""
    raise Refusal("would_lock_out", sentence, **details)
