"""What each event changes in a workspace's state. Every fold reads all it needs before it changes anything."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from events.catalogue import WORKSPACE_TYPES
from events.workspace_values import AllowedDomain, Bypass, Credentials, Enforcement, SetupLink

if TYPE_CHECKING:
    from events.workspace import Workspace

Data = dict[str, Any]
Fold = Callable[["Workspace", Data, "str | UUID"], None]

SETUP_LINKS_KEPT = 20
"""So many set-up links of a workspace are known; older ones open nothing."""


def _registered(state: "Workspace", data: Data, _: object) -> None:
    state.name, state.plan = data["name"], data["plan"]


def _plan_changed(state: "Workspace", data: Data, _: object) -> None:
    state.plan = data["plan"]


def _closed(state: "Workspace", _data: Data, _: object) -> None:
    state.closed = True


def _domain_added(state: "Workspace", data: Data, _: object) -> None:
    state.domains[data["domain"]] = AllowedDomain(None)


def _domain_removed(state: "Workspace", data: Data, _: object) -> None:
    state.domains.pop(data["domain"], None)


def _domain_verified(state: "Workspace", data: Data, _: object) -> None:
    domain, verified = data["domain"], AllowedDomain(data["method"])
    # What was shown about a domain that is not allowed any more does not allow it again.
    if domain in state.domains:
        state.domains[domain] = verified


def _jit_enabled(state: "Workspace", data: Data, _: object) -> None:
    state.jit_role = data["role"]
    state.jit_enabled = True


def _jit_disabled(state: "Workspace", _data: Data, _: object) -> None:
    state.jit_enabled = False


def _provider_logout_enabled(state: "Workspace", _data: Data, _: object) -> None:
    state.provider_logout = True


def _provider_logout_disabled(state: "Workspace", _data: Data, _: object) -> None:
    state.provider_logout = False


def _credentials_set(state: "Workspace", data: Data, _: object) -> None:
    state.credentials = Credentials.from_data(data)
    state.former = None


def _credentials_staged(state: "Workspace", data: Data, _: object) -> None:
    state.staged = Credentials.from_data(data)


def _credentials_promoted(state: "Workspace", _data: Data, _: object) -> None:
    state.former, state.credentials, state.staged = state.credentials, state.staged, None


def _credentials_rolled_back(state: "Workspace", _data: Data, _: object) -> None:
    state.credentials, state.former = state.former, None


def _credentials_discarded(state: "Workspace", _data: Data, _: object) -> None:
    state.staged = None


def _credentials_removed(state: "Workspace", _data: Data, _: object) -> None:
    state.credentials = state.former = None


def _connection_proven(state: "Workspace", data: Data, _: object) -> None:
    proven = data["credentials_id"]
    if state.credentials is not None and state.credentials.credentials_id == proven:
        state.credentials = state.credentials._replace(proven=True)
    elif state.staged is not None and state.staged.credentials_id == proven:
        state.staged = state.staged._replace(proven=True)


def _secrets_shredded(state: "Workspace", _data: Data, _: object) -> None:
    state.shredded = True


def _sso_enabled(state: "Workspace", _data: Data, _: object) -> None:
    state.sso_enabled = True


def _sso_disabled(state: "Workspace", _data: Data, _: object) -> None:
    state.sso_enabled = False


def _enforcement_enabled(state: "Workspace", data: Data, event_id: "str | UUID") -> None:
    confirm_by = data["confirm_by"]
    deadline = None if confirm_by is None else datetime.fromisoformat(confirm_by)
    state.enforcement = Enforcement(str(event_id), confirmed=False, confirm_by=deadline)


def _enforcement_confirmed(state: "Workspace", _data: Data, _: object) -> None:
    if state.enforcement is not None:
        state.enforcement = state.enforcement._replace(confirmed=True)


def _enforcement_disabled(state: "Workspace", _data: Data, _: object) -> None:
    state.enforcement = None


def _enforcement_lapsed(state: "Workspace", data: Data, _: object) -> None:
    lifted = data["lifted_event_id"]
    # A lapse lifts the enforcement that it names, never one that began later.
    if state.enforcement is not None and state.enforcement.event_id == lifted:
        state.enforcement = None


def _bypass_granted(state: "Workspace", data: Data, _: object) -> None:
    state.bypasses[data["member_id"]] = Bypass(datetime.fromisoformat(data["expires_at"]), data["reason"])


def _member_out(state: "Workspace", data: Data, _: object) -> None:
    state.bypasses.pop(data["member_id"], None)
    if state.recovery_codes:
        state.recovery_codes = _codes_without(state, data["member_id"])


def _bypass_revoked(state: "Workspace", data: Data, _: object) -> None:
    state.bypasses.pop(data["member_id"], None)


def _codes_without(state: "Workspace", member_id: str) -> frozenset[str]:
    return frozenset(code for code in state.recovery_codes if not code.startswith(f"{member_id}:"))


def _setup_link_issued(state: "Workspace", data: Data, _: object) -> None:
    link = SetupLink(data["token_hash"], datetime.fromisoformat(data["expires_at"]), used=False)
    state.setup_links[data["link_id"]] = link
    if len(state.setup_links) > SETUP_LINKS_KEPT:
        del state.setup_links[next(iter(state.setup_links))]


def _setup_link_revoked(state: "Workspace", data: Data, _: object) -> None:
    state.setup_links.pop(data["link_id"], None)


def _setup_link_used(state: "Workspace", data: Data, _: object) -> None:
    link = state.setup_links.get(data["link_id"])
    if link is not None:
        state.setup_links[data["link_id"]] = link._replace(used=True)


def _recovery_codes_issued(state: "Workspace", data: Data, _: object) -> None:
    own = {f"{data['member_id']}:{code_hash}" for code_hash in data["code_hashes"]}
    state.recovery_codes = _codes_without(state, data["member_id"]) | own


def _recovery_code_used(state: "Workspace", data: Data, _: object) -> None:
    state.recovery_codes -= {f"{data['member_id']}:{data['code_hash']}"}


def _recovery_codes_revoked(state: "Workspace", data: Data, _: object) -> None:
    state.recovery_codes = _codes_without(state, data["member_id"])


_BY_TYPE: Mapping[str, Fold] = {
    "WorkspaceRegistered": _registered,
    "WorkspacePlanChanged": _plan_changed,
    "WorkspaceClosed": _closed,
    "DomainAdded": _domain_added,
    "DomainRemoved": _domain_removed,
    "DomainVerified": _domain_verified,
    "JitEnabled": _jit_enabled,
    "JitDisabled": _jit_disabled,
    "ProviderLogoutEnabled": _provider_logout_enabled,
    "ProviderLogoutDisabled": _provider_logout_disabled,
    "CredentialsSet": _credentials_set,
    "CredentialsStaged": _credentials_staged,
    "CredentialsPromoted": _credentials_promoted,
    "CredentialsRolledBack": _credentials_rolled_back,
    "CredentialsDiscarded": _credentials_discarded,
    "CredentialsRemoved": _credentials_removed,
    "ConnectionProven": _connection_proven,
    "SecretsShredded": _secrets_shredded,
    "SsoEnabled": _sso_enabled,
    "SsoDisabled": _sso_disabled,
    "EnforcementEnabled": _enforcement_enabled,
    "EnforcementConfirmed": _enforcement_confirmed,
    "EnforcementDisabled": _enforcement_disabled,
    "EnforcementLapsed": _enforcement_lapsed,
    "BypassGranted": _bypass_granted,
    "BypassRevoked": _bypass_revoked,
    "MemberDeactivated": _member_out,
    "MemberErased": _member_out,
    "SetupLinkIssued": _setup_link_issued,
    "SetupLinkRevoked": _setup_link_revoked,
    "SetupLinkUsed": _setup_link_used,
    "RecoveryCodesIssued": _recovery_codes_issued,
    "RecoveryCodeUsed": _recovery_code_used,
    "RecoveryCodesRevoked": _recovery_codes_revoked,
}

FOLDS: Mapping[str, tuple[Fold | None, int]] = MappingProxyType(
    {kind.type_name(): (_BY_TYPE.get(kind.type_name()), kind.schema_version) for kind in WORKSPACE_TYPES}
)
"""Every type of a workspace's stream: its fold, None where only the version moves on, and its newest schema version."""
