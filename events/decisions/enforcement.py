"""Decisions about SSO being required: the guard before it, its confirmation, and the ways it ends."""

from datetime import timedelta

from events.catalogue.access import EnforcementConfirmed, EnforcementDisabled, EnforcementEnabled, EnforcementLapsed
from events.catalogue.event_data import EventData
from events.catalogue.instants import write_instant
from events.commands.access import ConfirmEnforcement, DisableEnforcement, EnableEnforcement, LapseEnforcement
from events.decisions.facts import Facts, Rules
from events.decisions.lockout import lock_out, some_owner_has_way_in
from events.decisions.readiness import SENTENCES, missing_for_enforcement
from events.refusals import Refusal
from events.workspace import Workspace

_CODE_OF_ONE = {"plan": "plan_without_sso", "proof": "not_proven", "owner": "would_lock_out"}


def enable_enforcement(workspace: Workspace, command: EnableEnforcement, facts: Facts, rules: Rules) -> list[EventData]:
    """Require SSO, once a way in is proven.

    Raises:
        Refusal: ``details["missing"]`` lists everything that is. ``not_ready``; ``not_proven`` when SSO is on and
            only its proof (and so perhaps an owner's sign-in) is missing; ``would_lock_out`` when only an owner's
            recent sign-in is; ``plan_without_sso`` when only the plan is.
    """
    if workspace.enforcement is not None:
        return []
    missing = missing_for_enforcement(workspace, facts, rules)
    if missing:
        sentences = " ".join(SENTENCES[item] for item in missing)
        raise Refusal(_code(missing), sentences, missing=list(missing))
    minutes = command.confirm_within
    confirm_by = None if minutes is None else write_instant(facts.now + timedelta(minutes=minutes))
    return [EnforcementEnabled(confirm_within=minutes, confirm_by=confirm_by)]


def confirm_enforcement(
    workspace: Workspace, command: ConfirmEnforcement, facts: Facts, rules: Rules
) -> list[EventData]:
    """Record that somebody signed in by SSO in time; once is enough.

    Raises:
        Refusal: ``would_lock_out`` when no owner has a way in any more; enforcement then stays unconfirmed.
    """
    enforcement = workspace.enforcement
    if enforcement is None or enforcement.confirmed or enforcement.lapsed(facts.now):
        return []
    if not some_owner_has_way_in(workspace, facts, rules):
        lock_out(SENTENCES["owner"], missing=["owner"])
    return [EnforcementConfirmed(member_id=command.member_id)]


def disable_enforcement(
    workspace: Workspace, command: DisableEnforcement, facts: Facts, _rules: Rules
) -> list[EventData]:
    """Let all sign-in methods work again. Always granted to whoever may ask."""
    return [] if workspace.enforcement is None else [EnforcementDisabled(reason=command.reason or facts.reason)]


def lapse_enforcement(workspace: Workspace, command: LapseEnforcement, facts: Facts, rules: Rules) -> list[EventData]:
    """Lift the named enforcement if nobody confirmed it in time.

    A sign-in by SSO that came in time and whose confirmation was lost counts: it is recorded now instead.
    """
    enforcement = workspace.enforcement
    if enforcement is None or enforcement.event_id != command.event_id or not enforcement.lapsed(facts.now):
        return []
    if facts.sso_since_enforcement and some_owner_has_way_in(workspace, facts, rules):
        return [EnforcementConfirmed()]
    return [EnforcementLapsed(lifted_event_id=command.event_id)]


def _code(missing: tuple[str, ...]) -> str:
    if missing == ("proof", "owner"):
        return "not_proven"
    return _CODE_OF_ONE.get(missing[0], "not_ready") if len(missing) == 1 else "not_ready"
