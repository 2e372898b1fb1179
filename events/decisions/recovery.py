"""Decisions about recovery codes: an owner's way to the settings on the day when the provider is gone."""

from events.catalogue.access import RecoveryCodesIssued, RecoveryCodesRevoked, RecoveryCodeUsed
from events.catalogue.event_data import EventData
from events.commands.access import IssueRecoveryCodes, RevokeRecoveryCodes, UseRecoveryCode
from events.decisions.facts import Facts, Rules
from events.refusals import Refusal
from events.workspace import Workspace


def issue_recovery_codes(
    _workspace: Workspace, command: IssueRecoveryCodes, _facts: Facts, _rules: Rules
) -> list[EventData]:
    """Give an owner new codes; the ones that they held before are void, other owners' stay."""
    return [RecoveryCodesIssued(member_id=command.member_id, code_hashes=command.code_hashes)]


def use_recovery_code(workspace: Workspace, command: UseRecoveryCode, _facts: Facts, _rules: Rules) -> list[EventData]:
    """Spend a code, once.

    Raises:
        Refusal: ``forbidden`` for a code that is unknown, void or spent; the answer does not tell which.
    """
    if not workspace.has_recovery_code(command.member_id, command.code_hash):
        raise Refusal("forbidden", "This recovery code is not valid, or was used already.")
    return [RecoveryCodeUsed(member_id=command.member_id, code_hash=command.code_hash)]


def revoke_recovery_codes(
    workspace: Workspace, command: RevokeRecoveryCodes, _facts: Facts, _rules: Rules
) -> list[EventData]:
    """Make an owner's codes void; who holds none loses none."""
    if command.member_id not in workspace.recovery_code_holders():
        return []
    return [RecoveryCodesRevoked(member_id=command.member_id)]
