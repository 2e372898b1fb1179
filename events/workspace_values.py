"""The parts of a workspace's state. Named tuples, because a replay makes a million of them."""

from datetime import datetime
from typing import Any, NamedTuple

from events.catalogue.instants import write_instant


class AllowedDomain(NamedTuple):
    """An allowed e-mail domain; ``verified`` is how ownership was shown (``dns_txt``, ``support``), or None."""

    verified: str | None


class Credentials(NamedTuple):
    """What the connection presents to the provider. The secret is named, never contained.

    ``proven``: a real sign-in through exactly these credentials succeeded.
    """

    credentials_id: str
    provider_kind: str
    issuer: str
    client_id: str
    secret_id: str
    secret_digest: str
    secret_fingerprint: str
    auth_method: str
    email_verified: str
    subject_type: str
    proven: bool

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "Credentials":
        """Return the credentials that a ``CredentialsSet`` or ``CredentialsStaged`` describes, unproven."""
        secret = data["secret"]
        return cls(
            data["credentials_id"],
            data["provider_kind"],
            data["issuer"],
            data["client_id"],
            secret["id"],
            secret["digest"],
            secret["fingerprint"],
            data["auth_method"],
            data["email_verified"],
            data["subject_type"],
            False,
        )

    @property
    def subject_scope(self) -> str:
        """What subjects are unique within: the client for pairwise ones (OIDC Core 8.1), else nothing."""
        return self.client_id if self.subject_type == "pairwise" else ""


class Enforcement(NamedTuple):
    """SSO is required. ``event_id`` is the ``EnforcementEnabled`` that began it."""

    event_id: str
    confirmed: bool
    confirm_by: datetime | None

    def lapsed(self, now: datetime) -> bool:
        """Whether nobody confirmed in time, so that the system is to lift it."""
        return not self.confirmed and self.confirm_by is not None and self.confirm_by <= now


class Bypass(NamedTuple):
    """A member's way in beside SSO, until it ends."""

    expires_at: datetime
    reason: str


class SetupLink(NamedTuple):
    """A set-up link that was not revoked. ``used``: exchanged for a session in one browser."""

    token_hash: str
    expires_at: datetime
    used: bool


def enforcement_document(enforcement: Enforcement | None) -> dict[str, Any] | None:
    """Return the enforcement as JSON values."""
    if enforcement is None:
        return None
    confirm_by = enforcement.confirm_by
    return {
        "event_id": enforcement.event_id,
        "confirmed": enforcement.confirmed,
        "confirm_by": None if confirm_by is None else write_instant(confirm_by),
    }


def read_enforcement(document: dict[str, Any] | None) -> Enforcement | None:
    """Return the enforcement that ``enforcement_document`` wrote."""
    if document is None:
        return None
    confirm_by = document["confirm_by"]
    return Enforcement(
        document["event_id"],
        document["confirmed"],
        None if confirm_by is None else datetime.fromisoformat(confirm_by),
    )
