"""The one door to all decisions: who may ask, does the workspace take changes, and then the command's own decision."""

from collections.abc import Callable, Mapping
from typing import Any

from events.catalogue.event_data import EventData
from events.commands import Command, access, configuration, credentials, people
from events.decisions import bypass, domains, enforcement, jit, members, provider_logout, recovery, setup_links, sso
from events.decisions import credentials as credentials_decisions
from events.decisions import workspace as workspace_decisions
from events.decisions.authority import authorise
from events.decisions.facts import Facts, Rules
from events.envelope import NewEvent
from events.refusals import Refusal
from events.workspace import Workspace

Decision = Callable[[Workspace, Any, Facts, Rules], list[EventData]]

_DECISIONS: Mapping[type[Command], Decision] = {
    configuration.ChangePlan: workspace_decisions.change_plan,
    configuration.CloseWorkspace: workspace_decisions.close_workspace,
    configuration.AddDomain: domains.add_domain,
    configuration.RemoveDomain: domains.remove_domain,
    configuration.VerifyDomain: domains.verify_domain,
    configuration.EnableJit: jit.enable_jit,
    configuration.DisableJit: jit.disable_jit,
    configuration.EnableProviderLogout: provider_logout.enable_provider_logout,
    configuration.DisableProviderLogout: provider_logout.disable_provider_logout,
    credentials.SetCredentials: credentials_decisions.set_credentials,
    credentials.StageCredentials: credentials_decisions.stage_credentials,
    credentials.PromoteCredentials: credentials_decisions.promote_credentials,
    credentials.RollBackCredentials: credentials_decisions.roll_back_credentials,
    credentials.DiscardCredentials: credentials_decisions.discard_credentials,
    credentials.RemoveCredentials: credentials_decisions.remove_credentials,
    credentials.ProveConnection: credentials_decisions.prove_connection,
    credentials.ShredSecrets: credentials_decisions.shred_secrets,
    access.EnableSso: sso.enable_sso,
    access.DisableSso: sso.disable_sso,
    access.EnableEnforcement: enforcement.enable_enforcement,
    access.ConfirmEnforcement: enforcement.confirm_enforcement,
    access.DisableEnforcement: enforcement.disable_enforcement,
    access.LapseEnforcement: enforcement.lapse_enforcement,
    access.GrantBypass: bypass.grant_bypass,
    access.RevokeBypass: bypass.revoke_bypass,
    access.IssueSetupLink: setup_links.issue_setup_link,
    access.RevokeSetupLink: setup_links.revoke_setup_link,
    access.UseSetupLink: setup_links.use_setup_link,
    access.IssueRecoveryCodes: recovery.issue_recovery_codes,
    access.UseRecoveryCode: recovery.use_recovery_code,
    access.RevokeRecoveryCodes: recovery.revoke_recovery_codes,
    people.InviteMember: members.invite_member,
    people.RevokeInvitation: members.revoke_invitation,
    people.JoinMember: members.join_member,
    people.ChangeMember: members.change_member,
    people.DeactivateMember: members.deactivate_member,
    people.ReactivateMember: members.reactivate_member,
    people.EraseMember: members.erase_member,
    people.RelinkIdentity: members.relink_identity,
}

# A closed workspace still forgets: people on request, secrets by shredding.
_AFTER_CLOSING: tuple[type[Command], ...] = (credentials.ShredSecrets, people.EraseMember)


def decide(workspace: Workspace | None, command: Command, facts: Facts, rules: Rules) -> list[NewEvent]:
    """Return the events that the command causes, in order; none, when it would change nothing.

    ``workspace`` is the state that the events will follow, None (or version 0) when there is none; it is not changed.

    Raises:
        Refusal: ``forbidden``, ``workspace_unknown``, ``workspace_closed``, or what the command's decision refuses.
    """
    authorise(command, facts)
    if isinstance(command, configuration.RegisterWorkspace):
        return [NewEvent.of(data) for data in workspace_decisions.register_workspace(workspace, command)]
    if workspace is None or workspace.version == 0:
        raise Refusal("workspace_unknown", "There is no such workspace.")
    if workspace.closed and not isinstance(command, _AFTER_CLOSING):
        if isinstance(command, configuration.CloseWorkspace):
            return []
        raise Refusal("workspace_closed", "This workspace is closed and takes no more changes.", slug=workspace.slug)
    return [NewEvent.of(data) for data in _DECISIONS[type(command)](workspace, command, facts, rules)]
