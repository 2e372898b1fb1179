"""Every type of event that can be recorded. Names are past tense, one fact each."""

from collections.abc import Mapping
from types import MappingProxyType

from events.catalogue import access, configuration, credentials, people, system
from events.catalogue.event_data import EventData
from events.catalogue.system import SYSTEM_STREAM

WORKSPACE_TYPES: tuple[type[EventData], ...] = (
    configuration.WorkspaceRegistered,
    configuration.WorkspacePlanChanged,
    configuration.WorkspaceClosed,
    configuration.DomainAdded,
    configuration.DomainRemoved,
    configuration.DomainVerified,
    configuration.JitEnabled,
    configuration.JitDisabled,
    configuration.ProviderLogoutEnabled,
    configuration.ProviderLogoutDisabled,
    credentials.CredentialsSet,
    credentials.CredentialsStaged,
    credentials.CredentialsPromoted,
    credentials.CredentialsRolledBack,
    credentials.CredentialsDiscarded,
    credentials.CredentialsRemoved,
    credentials.ConnectionProven,
    credentials.SecretsShredded,
    access.SsoEnabled,
    access.SsoDisabled,
    access.EnforcementEnabled,
    access.EnforcementConfirmed,
    access.EnforcementDisabled,
    access.EnforcementLapsed,
    access.BypassGranted,
    access.BypassRevoked,
    access.SetupLinkIssued,
    access.SetupLinkRevoked,
    access.SetupLinkUsed,
    access.RecoveryCodesIssued,
    access.RecoveryCodeUsed,
    access.RecoveryCodesRevoked,
    people.MemberInvited,
    people.InvitationRevoked,
    people.MemberJoined,
    people.MemberRoleChanged,
    people.MemberDeactivated,
    people.MemberReactivated,
    people.MemberErased,
    people.IdentityRelinked,
)
"""What a workspace's stream may hold."""

SYSTEM_TYPES: tuple[type[EventData], ...] = (
    system.ApiTokenCreated,
    system.ApiTokenRevoked,
    system.NameShredded,
    system.SigningKeyRotated,
    system.WebhookAdded,
    system.WebhookSecretRotated,
    system.WebhookRemoved,
    system.LogRestored,
)
"""What the system stream may hold."""

CATALOGUE: Mapping[str, type[EventData]] = MappingProxyType(
    {kind.type_name(): kind for kind in (*WORKSPACE_TYPES, *SYSTEM_TYPES)}
)
"""Event type to the class of its data, in the newest schema version."""

__all__ = ["CATALOGUE", "SYSTEM_STREAM", "SYSTEM_TYPES", "WORKSPACE_TYPES", "EventData"]
