"""What each event says to a person, in one sentence. Who and why stand beside it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from events.envelope import Recorded
from events.upcasting import upcast

Sentence = Callable[[dict[str, Any]], str]


def summarise(event: Recorded) -> str:
    """Return the sentence for an event of any schema version.

    Raises:
        UnknownSchema: a newer program wrote it.
    """
    data = upcast(event.type, event.schema_version, event.data)
    return SENTENCES[event.type](data)


def _credentials(what: str) -> Sentence:
    def sentence(data: dict[str, Any]) -> str:
        return f"{what}: client {data['client_id']} at {data['issuer']}, secret {data['secret']['fingerprint']}."

    return sentence


def _enforced(data: dict[str, Any]) -> str:
    if data["confirm_by"] is None:
        return "Required SSO for everybody."
    return f"Required SSO for everybody, until {data['confirm_by']} unless a sign-in confirms it."


def _reasoned(what: str) -> Sentence:
    return lambda data: f"{what}: {data['reason']}" if data["reason"] else f"{what}."


def _fixed(sentence: str) -> Sentence:
    return lambda _data: sentence


SENTENCES: Mapping[str, Sentence] = MappingProxyType(
    {
        "WorkspaceRegistered": lambda data: f"Registered the workspace {data['name']} on the plan {data['plan']}.",
        "WorkspacePlanChanged": lambda data: f"Changed the plan to {data['plan']}.",
        "WorkspaceClosed": _fixed("Closed the workspace."),
        "DomainAdded": lambda data: f"Allowed the domain {data['domain']}.",
        "DomainRemoved": lambda data: f"Took the domain {data['domain']} off the list.",
        "DomainVerified": lambda data: f"Verified the domain {data['domain']} ({data['method']}).",
        "JitEnabled": lambda data: f"Switched just-in-time creation on, as {data['role']}.",
        "JitDisabled": _fixed("Switched just-in-time creation off: new people need an invitation."),
        "ProviderLogoutEnabled": _fixed("Switched on that signing out ends the session at the provider too."),
        "ProviderLogoutDisabled": _fixed("Switched off that signing out ends the session at the provider too."),
        "CredentialsSet": _credentials("Set the credentials"),
        "CredentialsStaged": _credentials("Staged new credentials"),
        "CredentialsPromoted": _fixed("Switched to the staged credentials."),
        "CredentialsRolledBack": _fixed("Went back to the former credentials."),
        "CredentialsDiscarded": _fixed("Gave the staged credentials up."),
        "CredentialsRemoved": _fixed("Removed the credentials."),
        "ConnectionProven": lambda data: (
            "A test proved the connection." if data["by"] == "test" else "A sign-in proved the connection."
        ),
        "SecretsShredded": _fixed("Destroyed the keys of all client secrets."),
        "SsoEnabled": _fixed("Switched SSO on."),
        "SsoDisabled": _reasoned("Switched SSO off"),
        "EnforcementEnabled": _enforced,
        "EnforcementConfirmed": _fixed("A sign-in confirmed that SSO works while it is required."),
        "EnforcementDisabled": _reasoned("Stopped requiring SSO"),
        "EnforcementLapsed": _fixed("Stopped requiring SSO, because no sign-in confirmed it in time."),
        "BypassGranted": lambda data: (
            f"Let member {data['member_id']} sign in without SSO until {data['expires_at']}: {data['reason']}"
        ),
        "BypassRevoked": lambda data: f"Ended the bypass of member {data['member_id']}.",
        "SetupLinkIssued": lambda data: f"Issued a set-up link that ends at {data['expires_at']}.",
        "SetupLinkRevoked": _fixed("Revoked a set-up link."),
        "SetupLinkUsed": _fixed("A set-up link was opened."),
        "RecoveryCodesIssued": lambda data: f"Issued {len(data['code_hashes'])} recovery codes to an owner.",
        "RecoveryCodeUsed": _fixed("An owner used a recovery code."),
        "RecoveryCodesRevoked": _fixed("Made an owner's recovery codes void."),
        "MemberInvited": lambda data: f"Invited somebody as {data['role']}.",
        "InvitationRevoked": _fixed("Revoked an invitation."),
        "MemberJoined": lambda data: f"Member {data['member_id']} joined as {data['role']} ({data['how']}).",
        "MemberRoleChanged": lambda data: f"Made member {data['member_id']} {data['role']}.",
        "MemberDeactivated": lambda data: f"Deactivated member {data['member_id']}.",
        "MemberReactivated": lambda data: f"Reactivated member {data['member_id']}.",
        "MemberErased": lambda data: f"Erased member {data['member_id']}.",
        "IdentityRelinked": lambda data: f"Member {data['member_id']} signs in by another identity ({data['how']}).",
        "ApiTokenCreated": lambda data: f"Created the API token {data['holder']} with the role {data['role']}.",
        "ApiTokenRevoked": lambda data: f"Revoked the API token {data['token_id']}.",
        "NameShredded": lambda data: f"Forgot the name of {data['name_id']}.",
        "WebhookAdded": lambda data: f"Tells {data['host']} of the events of {data['workspace'] or 'the whole log'}.",
        "WebhookSecretRotated": lambda data: (
            f"Gave the webhook {data['webhook_id']} a new secret; the former one ends at {data['former_until']}."
        ),
        "WebhookRemoved": lambda data: f"Removed the webhook {data['webhook_id']}.",
        "SigningKeyRotated": lambda data: f"Signs checkpoints with the key {data['key_id']} from now on.",
        "LogRestored": lambda data: f"Restored the log up to position {data['position']}; epoch {data['epoch']} began.",
    }
)
"""Event type to its sentence, for the newest schema version. Every type of the catalogue has one."""
