"""Decisions about just-in-time creation."""

from events.catalogue.configuration import JitDisabled, JitEnabled
from events.catalogue.event_data import EventData
from events.commands.configuration import DisableJit, EnableJit
from events.decisions.facts import Facts, Rules
from events.workspace import Workspace


def enable_jit(workspace: Workspace, command: EnableJit, _facts: Facts, _rules: Rules) -> list[EventData]:
    """Create unknown people at their first sign-in, as viewers or editors; the command's type allows no other role."""
    if workspace.jit_enabled and workspace.jit_role == command.role:
        return []
    return [JitEnabled(role=command.role)]


def disable_jit(workspace: Workspace, _command: DisableJit, _facts: Facts, _rules: Rules) -> list[EventData]:
    """Let only invited people in."""
    return [JitDisabled()] if workspace.jit_enabled else []
