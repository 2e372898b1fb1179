"""Decisions about the workspace itself: registration, plan, closing."""

from events.catalogue.access import EnforcementDisabled, SsoDisabled
from events.catalogue.configuration import WorkspaceClosed, WorkspacePlanChanged, WorkspaceRegistered
from events.catalogue.event_data import EventData
from events.commands.configuration import ChangePlan, CloseWorkspace, RegisterWorkspace
from events.decisions.facts import Facts, Rules
from events.refusals import Refusal
from events.workspace import Workspace


def register_workspace(workspace: Workspace | None, command: RegisterWorkspace) -> list[EventData]:
    """Register a workspace, once.

    Raises:
        Refusal: ``slug_taken``; a slug is never used a second time, closed workspaces included.
    """
    if workspace is not None and workspace.version > 0:
        sentence = f"The slug {command.slug} is taken. Slugs are never used again; choose another."
        raise Refusal("slug_taken", sentence, slug=command.slug)
    return [WorkspaceRegistered(slug=command.slug, name=command.name, plan=command.plan)]


def change_plan(workspace: Workspace, command: ChangePlan, _: Facts, rules: Rules) -> list[EventData]:
    """Change the plan. Leaving the SSO plans first lifts enforcement, then disables SSO, each with the reason."""
    if workspace.plan == command.plan:
        return []
    changed = WorkspacePlanChanged(plan=command.plan)
    if command.plan in rules.sso_plans:
        return [changed]
    return [*_without_sso(workspace, f"The plan {command.plan} does not include SSO."), changed]


def close_workspace(workspace: Workspace, _command: CloseWorkspace, _facts: Facts, _rules: Rules) -> list[EventData]:
    """Close the workspace; enforcement and SSO end first, each with the reason."""
    return [*_without_sso(workspace, "The workspace is closed."), WorkspaceClosed()]


def _without_sso(workspace: Workspace, reason: str) -> list[EventData]:
    events: list[EventData] = []
    if workspace.enforcement is not None:
        events.append(EnforcementDisabled(reason=reason))
    if workspace.sso_enabled:
        events.append(SsoDisabled(reason=reason))
    return events
