"""One way in which the person of a session has shown who they are. A session holds one or several."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from service.identity.people import Method


@dataclass(frozen=True, slots=True)
class Authentication:
    """A completed sign-in, as the session remembers it.

    By SSO it names the workspace whose connection made it, the credentials and issuer it was made under, the address
    that was asserted and the member. Other methods prove the user, and name no workspace, but for the link of
    an invitation, which opens the one that it is for; ``bypasses`` are the ends of
    the bypasses that were live then, by workspace: what a bypass opened ends with that very bypass. ``sid`` is the
    session at the provider, where it told one (OpenID Connect Back-Channel Logout 2.1); ``hint`` what signs out there,
    sealed (see ``logout_hint``). Times are in UTC, as ISO 8601.
    """

    method: Method
    at: str
    workspace: str | None = None
    credentials_id: str | None = None
    issuer: str | None = None
    email: str | None = None
    member_id: str | None = None
    bypasses: Mapping[str, str] = field(default_factory=dict)
    sid: str | None = None
    hint: str | None = None

    def to_data(self) -> dict[str, Any]:
        """Return the authentication as JSON values."""
        data: dict[str, Any] = {
            "method": self.method,
            "at": self.at,
            "workspace": self.workspace,
            "credentials_id": self.credentials_id,
            "issuer": self.issuer,
            "email": self.email,
            "member_id": self.member_id,
            "bypasses": self.bypasses,
        }
        for name in ("sid", "hint"):
            if (value := getattr(self, name)) is not None:
                data[name] = value
        return data

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Self:
        """Return the authentication that ``to_data`` wrote."""
        return cls(**data)

    def live(self, now: datetime, longest: timedelta) -> bool:
        """Whether it is younger than the longest that any session may last."""
        return now - datetime.fromisoformat(self.at) < longest


def merged(kept: tuple[Authentication, ...], new: Authentication) -> tuple[Authentication, ...]:
    """Return the authentications of a session after another sign-in of the same person; the same kind is replaced."""
    others = tuple(one for one in kept if (one.method, one.workspace) != (new.method, new.workspace))
    return (*others, new)


MOST_AUTHENTICATIONS = 20
"""A session keeps the latest ones; more workspaces than that are signed in to again."""
