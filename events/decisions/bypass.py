"""Decisions about bypasses: one member, for a time, beside SSO."""

from datetime import datetime, timedelta

from events.catalogue.access import BypassGranted, BypassRevoked
from events.catalogue.event_data import EventData
from events.catalogue.instants import write_instant
from events.commands.access import BYPASS_HOURS_MAXIMUM, GrantBypass, RevokeBypass
from events.decisions.facts import Facts, Rules
from events.refusals import Refusal
from events.workspace import Workspace


def grant_bypass(workspace: Workspace, command: GrantBypass, facts: Facts, _rules: Rules) -> list[EventData]:
    """Let an active member in by magic link for 72 hours at most.

    Raises:
        Refusal: ``member_unknown`` when the address is no active member's; ``data_invalid`` for an end that is past
            or too far away, or without a reason.
    """
    member = facts.member
    if member is None or not member.active:
        sentence = "A bypass is for an active member, and nobody active here has this address. Invite them instead."
        raise Refusal("member_unknown", sentence)
    reason = command.reason or facts.reason
    if not reason:
        raise _invalid("/data/reason", "Say why this person gets in without SSO; the owners are told.")
    granted = BypassGranted(
        member_id=member.member_id, expires_at=write_instant(_end(command, facts.now)), reason=reason
    )
    present = workspace.bypass_of(member.member_id, facts.now)
    if present is not None and (write_instant(present.expires_at), present.reason) == (granted.expires_at, reason):
        return []
    return [granted]


def revoke_bypass(workspace: Workspace, _command: RevokeBypass, facts: Facts, _rules: Rules) -> list[EventData]:
    """End a member's bypass; one that has ended by itself changes nothing.

    Raises:
        Refusal: ``member_unknown``.
    """
    member = facts.member
    if member is None:
        raise Refusal("member_unknown", "Nobody in this workspace has this address.")
    if workspace.bypass_of(member.member_id, facts.now) is None:
        return []
    return [BypassRevoked(member_id=member.member_id)]


def _end(command: GrantBypass, now: datetime) -> datetime:
    if command.hours is not None:
        return now + timedelta(hours=command.hours)
    end = datetime.fromisoformat(command.expires_at or "")
    if not now < end <= now + timedelta(hours=BYPASS_HOURS_MAXIMUM):
        raise _invalid("/data/expires_at", f"A bypass ends in the next {BYPASS_HOURS_MAXIMUM} hours.")
    return end


def _invalid(pointer: str, sentence: str) -> Refusal:
    return Refusal("data_invalid", sentence, errors=[{"in": "body", "pointer": pointer, "detail": sentence}])
