"""Sessions as values: the one a request came with, and the one that a sign-in opens."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from service.identity.authentication import MOST_AUTHENTICATIONS, Authentication, merged

TOKEN_BYTES: Final = 32
TOKEN_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts: ``idle`` without a request, ``absolute`` whatever happens."""

    idle: timedelta
    absolute: timedelta


def session_hash(token: str) -> bytes:
    """Return what is stored of a session's id: 256 random bits, so that nobody can guess it back from a plain hash."""
    return hashlib.sha256(token.encode("ascii")).digest()


@dataclass(frozen=True, slots=True)
class LiveSession:
    """The session that a request came with: its person, and how they showed who they are."""

    session_hash: bytes
    user_id: UUID
    authentications: tuple[Authentication, ...]

    @property
    def proves_user(self) -> bool:
        """Whether something beside the workspaces' own connections has shown who the person is.

        A workspace's provider speaks for that workspace alone, and so does its invitation: a session that only such
        have made neither tells nor changes anything of the user's elsewhere.
        """
        return any(one.workspace is None for one in self.authentications)


@dataclass(frozen=True, slots=True)
class NewSession:
    """The session that a sign-in opens. Its id is new each time, so that one planted before is worth nothing."""

    token: str = field(repr=False)
    user_id: UUID
    authentications: tuple[Authentication, ...]
    replaces: bytes | None
    created_at: datetime
    expires_at: datetime

    def belonging_to(self, user_id: UUID, member_id: UUID) -> "NewSession":
        """Return the session as one of this member's, by the authentication that opened it."""
        *earlier, latest = self.authentications
        return replace(self, user_id=user_id, authentications=(*earlier, replace(latest, member_id=str(member_id))))

    @property
    def session_hash(self) -> bytes:
        """What is stored of the id."""
        return session_hash(self.token)

    @property
    def data(self) -> dict[str, Any]:
        """What handlers see of the session."""
        return {"user_id": str(self.user_id), "authentications": [one.to_data() for one in self.authentications]}

    @property
    def data_json(self) -> str:
        """The data as they are stored."""
        return orjson.dumps(self.data).decode()


def open_session(
    live: LiveSession | None, user_id: UUID, authentication: Authentication, now: datetime, limits: SessionLimits
) -> NewSession:
    """Return the session for a sign-in now.

    It replaces the request's session. Earlier authentications come along when they are the same person's and younger
    than the absolute limit.
    """
    kept: tuple[Authentication, ...] = ()
    if live is not None and live.user_id == user_id:
        kept = tuple(one for one in live.authentications if one.live(now, limits.absolute))
    return NewSession(
        token=secrets.token_urlsafe(TOKEN_BYTES),
        user_id=user_id,
        authentications=merged(kept, authentication)[-MOST_AUTHENTICATIONS:],
        replaces=live.session_hash if live is not None else None,
        created_at=now,
        expires_at=now + limits.absolute,
    )
