"""Decisions about signing out at the provider."""

from events.catalogue.configuration import ProviderLogoutDisabled, ProviderLogoutEnabled
from events.catalogue.event_data import EventData
from events.commands.configuration import DisableProviderLogout, EnableProviderLogout
from events.decisions.facts import Facts, Rules
from events.workspace import Workspace


def enable_provider_logout(
    workspace: Workspace, _command: EnableProviderLogout, _facts: Facts, _rules: Rules
) -> list[EventData]:
    """Sign people out at the provider too. It is a wish: whether the provider offers it is seen at each sign-out."""
    return [] if workspace.provider_logout else [ProviderLogoutEnabled()]


def disable_provider_logout(
    workspace: Workspace, _command: DisableProviderLogout, _facts: Facts, _rules: Rules
) -> list[EventData]:
    """Leave the session at the provider alone."""
    return [ProviderLogoutDisabled()] if workspace.provider_logout else []
