"""Decisions about set-up links: one link, one browser, for a time."""

from datetime import timedelta

from events.catalogue.access import SetupLinkIssued, SetupLinkRevoked, SetupLinkUsed
from events.catalogue.event_data import EventData
from events.catalogue.instants import write_instant
from events.commands.access import IssueSetupLink, RevokeSetupLink, UseSetupLink
from events.decisions.facts import Facts, Rules
from events.refusals import Refusal
from events.workspace import Workspace

_ASK_AGAIN = "Ask whoever sent it for a new one."


def issue_setup_link(workspace: Workspace, command: IssueSetupLink, facts: Facts, _rules: Rules) -> list[EventData]:
    """Let whoever holds the link set the connection up, until it ends."""
    if command.link_id in workspace.setup_links:
        return []
    end = write_instant(facts.now + timedelta(hours=command.hours))
    return [SetupLinkIssued(link_id=command.link_id, token_hash=command.token_hash, expires_at=end)]


def revoke_setup_link(workspace: Workspace, command: RevokeSetupLink, _facts: Facts, _rules: Rules) -> list[EventData]:
    """Make the link, and the session that it was exchanged for, open nothing."""
    return [SetupLinkRevoked(link_id=command.link_id)] if command.link_id in workspace.setup_links else []


def use_setup_link(workspace: Workspace, command: UseSetupLink, facts: Facts, _rules: Rules) -> list[EventData]:
    """Exchange the link, once.

    Raises:
        Refusal: ``not_found`` for a link that is unknown, revoked, used or past its end.
    """
    link = workspace.setup_links.get(command.link_id)
    if link is None:
        raise Refusal("not_found", f"This link is not valid any more. {_ASK_AGAIN}", cause="unknown")
    if link.used:
        raise Refusal("not_found", f"This link was used already, in one browser. {_ASK_AGAIN}", cause="used")
    if link.expires_at <= facts.now:
        raise Refusal("not_found", f"This link has ended. {_ASK_AGAIN}", cause="expired")
    return [SetupLinkUsed(link_id=command.link_id)]
