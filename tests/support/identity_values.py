"""Values for tests of the identity policy: a workspace's state without a database, and people."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic import SecretStr

from events.workspace import Workspace
from events.workspace_values import AllowedDomain, Credentials

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ISSUER = "https://acme.okta.example"
SPACE = UUID("6f0d3c39-6f5e-4c57-9f6e-0d7f5d1a2b3c")


def uid(name: str) -> UUID:
    """Return the same id for the same name."""
    return uuid5(SPACE, name)


def credentials(**changes: Any) -> Credentials:
    """Return credentials of acme at its Okta."""
    made = Credentials(
        credentials_id="c-1",
        provider_kind="okta",
        issuer=ISSUER,
        client_id="0oa1",
        secret_id="s-1",
        secret_digest="0" * 64,
        secret_fingerprint="abcd",
        auth_method="client_secret_basic",
        email_verified="ignore",
        subject_type="public",
        proven=True,
    )
    return made._replace(**changes)


def workspace(slug: str = "acme", **changes: Any) -> Workspace:
    """Return a workspace that allows acme.example and signs in by SSO."""
    state = Workspace(slug)
    state.name, state.plan, state.version = "Acme", "one", 4
    state.domains = {"acme.example": AllowedDomain(None)}
    state.credentials = credentials()
    state.sso_enabled = True
    for name, value in changes.items():
        setattr(state, name, value)
    return state


@dataclass(frozen=True)
class Proven:
    """A person whom a provider has proven."""

    email: str = "ada@acme.example"
    subject: str = "00u-ada"
    issuer: str = ISSUER
    subject_scope: str = ""
    email_verified_claim: object = None
    name: str | None = "Ada"
    sid: str | None = None
    id_token: SecretStr | None = None
