"""Decisions about SSO being on or off."""

from events.catalogue.access import SsoDisabled, SsoEnabled
from events.catalogue.event_data import EventData
from events.commands.access import DisableSso, EnableSso
from events.decisions.facts import Facts, Rules
from events.decisions.lockout import refuse_while_enforced
from events.decisions.readiness import SENTENCES, missing_for_sso, unverified_domains
from events.refusals import Refusal
from events.workspace import Workspace


def enable_sso(workspace: Workspace, _command: EnableSso, _facts: Facts, rules: Rules) -> list[EventData]:
    """Let members sign in by SSO.

    Raises:
        Refusal: ``not_ready``, or ``plan_without_sso`` when the plan is all that is missing; ``details["missing"]``
            lists everything that is.
    """
    if workspace.sso_enabled:
        return []
    missing = missing_for_sso(workspace, rules)
    if not missing:
        return [SsoEnabled()]
    details: dict[str, object] = {"missing": list(missing)}
    if "verified_domain" in missing:
        details["unverified"] = list(unverified_domains(workspace))
    code = "plan_without_sso" if missing == ("plan",) else "not_ready"
    raise Refusal(code, " ".join(SENTENCES[item] for item in missing), details)


def disable_sso(workspace: Workspace, command: DisableSso, facts: Facts, _rules: Rules) -> list[EventData]:
    """Let nobody sign in by SSO.

    Raises:
        Refusal: ``would_lock_out`` while SSO is required.
    """
    if not workspace.sso_enabled:
        return []
    refuse_while_enforced(workspace, "SSO is required: without it nobody could sign in. Lift enforcement first.")
    return [SsoDisabled(reason=command.reason or facts.reason)]
