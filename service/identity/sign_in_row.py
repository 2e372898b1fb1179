"""One outcome of a sign-in, as the sign-in log keeps it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson

from service.identity.people import Method

InitiatedBy = Literal["app", "okta", "test"]


@dataclass(frozen=True, slots=True)
class SignIn:
    """One outcome. ``reason`` is ``ok`` or why not; ``config_version`` the workspace's version it was judged under.

    ``counted``: it stands for several outcomes, so many for each reason.
    """

    at: datetime
    workspace: str
    method: Method
    reason: str
    request_id: str
    initiated_by: InitiatedBy | None = None
    config_version: int | None = None
    credentials_id: str | None = None
    member_id: UUID | None = None
    email: str | None = None
    checks: dict[str, str] = field(default_factory=dict)
    detail: str | None = None
    explanation: str | None = None
    okta_field: str | None = None
    counted: dict[str, int] | None = None

    def values(self) -> tuple[Any, ...]:
        """Return the row, each text within its bound."""
        return (
            self.at,
            _bounded(self.workspace, 63),
            self.method,
            self.reason,
            self.initiated_by,
            self.config_version,
            _bounded(self.credentials_id, 64),
            self.member_id,
            _bounded(self.email, 320),
            orjson.dumps(self.checks).decode(),
            _bounded(self.detail, 200),
            _bounded(self.explanation, 1000),
            _bounded(self.okta_field, 200),
            _bounded(self.request_id, 100),
            None if self.counted is None else orjson.dumps(self.counted).decode(),
        )


def _bounded(text: str | None, most: int) -> str | None:
    # NUL is the one character that PostgreSQL's text cannot hold.
    return None if text is None else text.replace("\0", "�")[:most]
