"""Decisions about credentials: set, staged, proven, promoted, rolled back, discarded, removed, shredded."""

from typing import Any

from events.catalogue.credentials import (
    ConnectionProven,
    CredentialsDiscarded,
    CredentialsPromoted,
    CredentialsRemoved,
    CredentialsRolledBack,
    CredentialsSet,
    CredentialsStaged,
    SealedSecret,
    SecretsShredded,
)
from events.catalogue.event_data import EventData
from events.commands.credentials import (
    DiscardCredentials,
    PromoteCredentials,
    ProveConnection,
    RemoveCredentials,
    RollBackCredentials,
    SetCredentials,
    ShredSecrets,
    StageCredentials,
)
from events.decisions.facts import Facts, ResolvedCredentials, Rules
from events.decisions.lockout import lock_out, refuse_while_enforced, some_owner_has_way_in
from events.refusals import Refusal
from events.workspace import Workspace
from events.workspace_values import Credentials


def set_credentials(workspace: Workspace, _command: SetCredentials, facts: Facts, _rules: Rules) -> list[EventData]:
    """Make new credentials the active ones; they are unproven.

    Raises:
        Refusal: ``would_lock_out`` while SSO is required.
    """
    resolved = _resolved(facts)
    if _same(workspace.credentials, resolved):
        return []
    refuse_while_enforced(
        workspace,
        "SSO is required, so the active credentials cannot be replaced at once. "
        "Stage the new ones, test them with a sign-in, then promote them.",
    )
    return [CredentialsSet(**_data(resolved))]


def stage_credentials(workspace: Workspace, _command: StageCredentials, facts: Facts, _rules: Rules) -> list[EventData]:
    """Put new credentials beside the active ones, in place of others staged before."""
    resolved = _resolved(facts)
    return [] if _same(workspace.staged, resolved) else [CredentialsStaged(**_data(resolved))]


def promote_credentials(
    workspace: Workspace, command: PromoteCredentials, facts: Facts, rules: Rules
) -> list[EventData]:
    """Make the staged credentials the active ones.

    Raises:
        Refusal: ``not_ready`` when none, or others, are staged; ``not_proven``; ``would_lock_out`` while SSO is
            required and no owner has a way in through them.
    """
    staged = workspace.staged
    if staged is None or command.credentials_id not in {None, staged.credentials_id}:
        raise Refusal("not_ready", "These credentials are not staged. Stage them, and test them.", missing=["staged"])
    if not staged.proven:
        sentence = "Nobody has signed in through the staged credentials yet. Test them with a sign-in first."
        raise Refusal("not_proven", sentence, missing=["proof"])
    _keep_an_owner(workspace, staged, facts, rules)
    return [CredentialsPromoted(credentials_id=staged.credentials_id)]


def roll_back_credentials(
    workspace: Workspace, _command: RollBackCredentials, facts: Facts, rules: Rules
) -> list[EventData]:
    """Make the credentials before the last promotion the active ones again.

    Raises:
        Refusal: ``not_ready`` when there are none; while SSO is required ``not_proven`` and ``would_lock_out``.
    """
    former = workspace.former
    if former is None:
        raise Refusal("not_ready", "There are no former credentials to go back to.", missing=["former"])
    if workspace.enforcement is not None and not former.proven:
        sentence = "SSO is required, and nobody has ever signed in through the former credentials."
        raise Refusal("not_proven", sentence, missing=["proof"])
    _keep_an_owner(workspace, former, facts, rules)
    return [CredentialsRolledBack(credentials_id=former.credentials_id)]


def discard_credentials(
    workspace: Workspace, _command: DiscardCredentials, _facts: Facts, _rules: Rules
) -> list[EventData]:
    """Give the staged credentials up."""
    staged = workspace.staged
    return [] if staged is None else [CredentialsDiscarded(credentials_id=staged.credentials_id)]


def remove_credentials(
    workspace: Workspace, _command: RemoveCredentials, _facts: Facts, _rules: Rules
) -> list[EventData]:
    """Remove the active credentials.

    Raises:
        Refusal: ``would_lock_out`` while SSO is required.
    """
    if workspace.credentials is None:
        return []
    refuse_while_enforced(
        workspace, "SSO is required: without credentials nobody could sign in. Lift enforcement first."
    )
    return [CredentialsRemoved(credentials_id=workspace.credentials.credentials_id)]


def prove_connection(workspace: Workspace, command: ProveConnection, _facts: Facts, _rules: Rules) -> list[EventData]:
    """Record the first success through these credentials; later ones record nothing.

    Raises:
        Refusal: ``not_ready`` when they are neither active nor staged any more.
    """
    for credentials in (workspace.credentials, workspace.staged):
        if credentials is not None and credentials.credentials_id == command.credentials_id:
            proof = ConnectionProven(credentials_id=command.credentials_id, by=command.by, member_id=command.member_id)
            return [] if credentials.proven else [proof]
    raise Refusal("not_ready", "These credentials are not in use any more.", missing=["credentials"])


def shred_secrets(workspace: Workspace, command: ShredSecrets, _facts: Facts, _rules: Rules) -> list[EventData]:
    """Record that a closed workspace's data keys were destroyed; nothing, when there were none.

    Raises:
        Refusal: ``not_ready`` while the workspace is open: its connection still needs them.
    """
    if not workspace.closed:
        raise Refusal("not_ready", "The workspace is open and needs its secrets. Close it first.", missing=["closed"])
    if workspace.shredded or not command.data_key_ids:
        return []
    return [SecretsShredded(data_key_ids=command.data_key_ids)]


def _keep_an_owner(workspace: Workspace, target: Credentials, facts: Facts, rules: Rules) -> None:
    if workspace.enforcement is None or some_owner_has_way_in(workspace, facts, rules, target=target):
        return
    lock_out(
        "SSO is required, and no active owner has signed in through these credentials recently. "
        "Let an owner test them with a sign-in first, or lift enforcement.",
        missing=["owner"],
    )


def _resolved(facts: Facts) -> ResolvedCredentials:
    if facts.credentials is None:
        raise ValueError("credentials are resolved and sealed before they are decided on")
    return facts.credentials


def _same(present: Credentials | None, resolved: ResolvedCredentials) -> bool:
    """Whether nothing would change: all but the ids and the sealed bytes, which differ each time, is equal."""
    return present is not None and (
        present.provider_kind,
        present.issuer,
        present.client_id,
        present.secret_fingerprint,
        present.auth_method,
        present.email_verified,
        present.subject_type,
    ) == (
        resolved.provider_kind,
        resolved.issuer,
        resolved.client_id,
        resolved.secret_fingerprint,
        resolved.auth_method,
        resolved.email_verified,
        resolved.subject_type,
    )


def _data(resolved: ResolvedCredentials) -> dict[str, Any]:
    secret = SealedSecret(id=resolved.secret_id, digest=resolved.secret_digest, fingerprint=resolved.secret_fingerprint)
    return {
        "credentials_id": resolved.credentials_id,
        "provider_kind": resolved.provider_kind,
        "issuer": resolved.issuer,
        "client_id": resolved.client_id,
        "secret": secret,
        "auth_method": resolved.auth_method,
        "email_verified": resolved.email_verified,
        "subject_type": resolved.subject_type,
    }
