"""What the workspace presents to its provider, and the proof that it works. Secrets are named, never contained."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from events.catalogue.event_data import EventData, Identifier, Sha256, Value

Issuer = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=2048)]
ClientId = Annotated[str, StringConstraints(pattern=r"^[ -~]+$", max_length=255)]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:_-]{4,64}$")]
ProviderKind = Literal["okta", "oidc"]
AuthMethod = Literal["client_secret_basic", "client_secret_post"]
EmailVerified = Literal["ignore", "require"]
SubjectType = Literal["public", "pairwise"]


class SealedSecret(Value):
    """Where the sealed client secret lies, the SHA-256 of the sealed bytes, and what tells it from another secret."""

    id: Identifier
    digest: Sha256
    fingerprint: Fingerprint


class _NewCredentials(EventData):
    credentials_id: Identifier
    provider_kind: ProviderKind
    issuer: Issuer
    client_id: ClientId
    secret: SealedSecret
    auth_method: AuthMethod
    email_verified: EmailVerified
    subject_type: SubjectType


class CredentialsSet(_NewCredentials):
    """These credentials are active at once and not yet proven."""


class CredentialsStaged(_NewCredentials):
    """A candidate, tested by a real sign-in beside the active credentials."""


class CredentialsPromoted(EventData):
    """The staged credentials are active; the ones before them are kept for one rollback."""

    credentials_id: Identifier


class CredentialsRolledBack(EventData):
    """The former credentials are active again, the promoted ones are gone."""

    credentials_id: Identifier


class CredentialsDiscarded(EventData):
    """The staged credentials are given up."""

    credentials_id: Identifier


class CredentialsRemoved(EventData):
    """The active credentials, and the former ones with them, are gone."""

    credentials_id: Identifier


class ConnectionProven(EventData):
    """A real sign-in through exactly these credentials succeeded, of a person whom the policy admits."""

    credentials_id: Identifier
    by: Literal["sign_in", "test"]
    member_id: Identifier | None = None


class SecretsShredded(EventData):
    """The workspace's data keys were destroyed: its sealed secrets can never be opened again."""

    data_key_ids: Annotated[list[Identifier], Field(max_length=1000)]
