"""From what is pasted as a provider's address to what the provider says of itself: before anything is locked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import SecretStr

from events.catalogue.credentials import AuthMethod, EmailVerified, ProviderKind, SubjectType
from events.commands import Command
from events.commands.credentials import NewCredentials
from events.decisions import ResolvedCredentials
from events.ids import uuid7
from events.refusals import Refusal
from service.commands.resources import CommandResources
from service.db import Connection
from service.errors import invalid
from service.oidc.discovery import ProviderMetadata

MOST_PROVIDERS: Final = 3
"""How many changes of one request may lead to a provider that is asked for its discovery document."""


@dataclass(frozen=True, slots=True)
class Provider:
    """New credentials whose provider has answered: its issuer verbatim, and how it wants to be spoken to."""

    kind: ProviderKind
    issuer: str
    client_id: str
    client_secret: SecretStr = field(repr=False)
    auth_method: AuthMethod
    email_verified: EmailVerified
    subject_type: SubjectType


def refuse_many_providers(commands: Sequence[Command]) -> None:
    """Refuse a request that would have many providers asked: each may take its time, and be somebody else's.

    Raises:
        Refusal: ``data_invalid``.
    """
    if sum(isinstance(command, NewCredentials) for command in commands) > MOST_PROVIDERS:
        raise invalid(f"One request sets or stages credentials at most {MOST_PROVIDERS} times. Send the rest apart.")


async def resolve(resources: CommandResources, command: Command) -> Provider | None:
    """Return what a command's provider says, ``None`` for commands without one.

    Raises:
        Refusal: ``data_invalid`` or ``provider_invalid`` with the right value named; ``provider_unreachable``.
    """
    if not isinstance(command, NewCredentials):
        return None
    text = command.okta_domain or command.issuer or ""
    kind: ProviderKind = "oidc" if command.okta_domain is None else "okta"
    candidate = resources.relying_party.normalise(kind, text)
    metadata = await resources.relying_party.check_provider(candidate, kind)
    return Provider(
        kind=command.kind,
        issuer=metadata.issuer,
        client_id=command.client_id,
        client_secret=command.client_secret,
        auth_method=_auth_method(command, metadata),
        email_verified=command.email_verified_policy,
        subject_type="pairwise" if set(metadata.subject_types) == {"pairwise"} else "public",
    )


def _auth_method(command: NewCredentials, metadata: ProviderMetadata) -> AuthMethod:
    """Choose how the secret is presented at the token endpoint (OIDC Core 9): as told, else basic, else post."""
    offered: list[AuthMethod] = [
        method for method in ("client_secret_basic", "client_secret_post") if method in metadata.token_auth_methods
    ]
    if command.auth_method is not None and command.auth_method not in offered:
        message = f"The provider does not offer {command.auth_method} at its token endpoint. Leave auth_method out."
        raise Refusal("provider_invalid", message, offered=offered)
    if not offered:
        message = (
            "The provider offers neither client_secret_basic nor client_secret_post at its token endpoint. "
            "Set the app's client authentication to client secret."
        )
        raise Refusal("provider_invalid", message, offered=[])
    return command.auth_method or offered[0]


async def seal(
    resources: CommandResources, connection: Connection, slug: str, provider: Provider
) -> ResolvedCredentials:
    """Seal the secret under the workspace's data key, in the caller's transaction; return what the event carries."""
    credentials_id = str(uuid7())
    sealed = await resources.vault.seal(connection, slug, credentials_id, provider.client_secret)
    return ResolvedCredentials(
        credentials_id=credentials_id,
        provider_kind=provider.kind,
        issuer=provider.issuer,
        client_id=provider.client_id,
        secret_id=sealed.secret_id,
        secret_digest=sealed.digest,
        secret_fingerprint=sealed.fingerprint,
        auth_method=provider.auth_method,
        email_verified=provider.email_verified,
        subject_type=provider.subject_type,
    )
