"""Sessions that open no workspace: whoever holds a set-up link or has used a recovery code, in one browser, for a time.

They have a cookie and a table of their own, so that nothing that judges a person's sessions can take one for more.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from service.identity.resources import Executor
from service.identity.session_values import session_hash

Kind = Literal["setup", "recovery"]
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class LimitedSession:
    """A session. ``holder`` is the set-up link or the owner that it belongs to."""

    kind: Kind
    workspace: str
    holder: UUID
    expires_at: datetime


async def begin_limited_session(connection: Executor, session: LimitedSession, now: datetime) -> str:
    """Keep a session, in the caller's transaction. Returns what its cookie carries; what is kept is its hash."""
    token = secrets.token_urlsafe(32)
    await connection.execute(
        "insert into identity.limited_sessions (session_hash, kind, workspace, holder, begun_at, expires_at)"
        " values ($1, $2, $3, $4, $5, $6)",
        session_hash(token),
        session.kind,
        session.workspace,
        session.holder,
        now,
        session.expires_at,
    )
    return token


async def find_limited_session(executor: Executor, kind: Kind, token: str, now: datetime) -> LimitedSession | None:
    """Return the session whose cookie this is, ``None`` when there is none or it has ended."""
    if not _SHAPE.fullmatch(token):
        return None
    row = await executor.fetchrow(
        "select workspace, holder, expires_at from identity.limited_sessions"
        " where session_hash = $1 and kind = $2 and expires_at > $3",
        session_hash(token),
        kind,
        now,
    )
    return None if row is None else LimitedSession(kind, row["workspace"], row["holder"], row["expires_at"])
