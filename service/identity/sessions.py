"""Sessions on PostgreSQL for aiohttp-session: revocable, under an opaque id that is kept as a hash.

A row is inserted once and then only updated if it is still there, so that a request which ends after a logout cannot
bring the session back. An id that is not in the table is never taken over.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
from aiohttp import web
from aiohttp_session import SESSION_KEY, AbstractStorage, Session, get_session

from service.clock import Clock
from service.identity.authentication import Authentication
from service.identity.session_values import (
    TOKEN_BYTES,
    TOKEN_SHAPE,
    LiveSession,
    NewSession,
    SessionLimits,
    session_hash,
)

SEEN_PRECISION: Final = timedelta(minutes=1)
"""``last_seen_at`` is written no more often than this."""

_STARTED = web.RequestKey("session_started", NewSession)


class SessionStorage(AbstractStorage):
    """Keeps sessions in ``identity.sessions``.

    ``secure`` says whether browsers come by https; only then may the cookie carry ``Secure`` and the ``__Host-`` prefix
    that keeps sibling hosts from planting one (RFC 6265bis 4.1.3.2).
    """

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock, limits: SessionLimits, *, secure: bool
    ) -> None:
        name = "__Host-keyledger-session" if secure else "keyledger-session"
        super().__init__(cookie_name=name, secure=secure, httponly=True, samesite="Lax", path="/")
        self._pool = pool
        self._clock = clock
        self.limits = limits
        self._flags = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    def kept(self, token: str) -> str:
        """Return the ``Set-Cookie`` value that gives the browser this session."""
        lifetime = int(self.limits.absolute.total_seconds())
        return f"{self.cookie_name}={token}; Max-Age={lifetime}{self._flags}"

    def dropped(self) -> str:
        """Return the ``Set-Cookie`` value that takes the session away, with the flags it was set with."""
        return f'{self.cookie_name}=""; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT{self._flags}'

    async def load_session(self, request: web.Request) -> Session:
        """Return the session that the request's cookie names, or a new one when there is none, or not any more."""
        # Most sign-ins begin without a session, and to read all cookies for that costs more than to look for the name.
        named = self.cookie_name in request.headers.get("Cookie", "")
        token = request.cookies.get(self.cookie_name) if named else None
        if token is None or not TOKEN_SHAPE.fullmatch(token):
            return Session(None, data=None, new=True)
        now = self._clock()
        row = await self._pool.fetchrow(
            "select data, created_at, last_seen_at from identity.sessions"
            " where session_hash = $1 and absolute_expires_at > $2 and last_seen_at > $3",
            session_hash(token),
            now,
            now - self.limits.idle,
        )
        if row is None:
            return Session(None, data=None, new=True)
        if row["last_seen_at"] <= now - SEEN_PRECISION:
            await self._touch(token, now)
        data = self._still_live(orjson.loads(row["data"]), now)
        created = int(row["created_at"].timestamp())
        return Session(token, data={"created": created, "session": data}, new=False)

    async def _touch(self, token: str, now: datetime) -> None:
        await self._pool.execute(
            "update identity.sessions set last_seen_at = $2 where session_hash = $1 and last_seen_at <= $3",
            session_hash(token),
            now,
            now - SEEN_PRECISION,
        )

    def _still_live(self, data: dict[str, Any], now: datetime) -> dict[str, Any]:
        authentications = data.get("authentications")
        if authentications:
            longest = self.limits.absolute
            data["authentications"] = [one for one in authentications if Authentication(**one).live(now, longest)]
        return data

    async def save_session(self, request: web.Request, response: web.StreamResponse, session: Session) -> None:
        """Write a changed session, and set or delete its cookie."""
        started = request.get(_STARTED)
        if started is not None and session.identity == started.token:
            # The sign-in's own transaction has written the row.
            response.headers.add("Set-Cookie", self.kept(started.token))
        elif session.empty:
            await self._end(response, session)
        elif session.identity is None:
            response.headers.add("Set-Cookie", self.kept(await self._insert(session)))
        else:
            await self._pool.execute(
                "update identity.sessions set data = $2, user_id = $3 where session_hash = $1",
                session_hash(session.identity),
                orjson.dumps(dict(session)).decode(),
                _user_of(session),
            )

    async def _insert(self, session: Session) -> str:
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self._clock()
        await self._pool.execute(
            "insert into identity.sessions"
            " (session_hash, user_id, data, created_at, last_seen_at, absolute_expires_at)"
            " values ($1, $2, $3, $4, $4, $5)",
            session_hash(token),
            _user_of(session),
            orjson.dumps(dict(session)).decode(),
            now,
            now + self.limits.absolute,
        )
        return token

    async def _end(self, response: web.StreamResponse, session: Session) -> None:
        if session.identity is not None:
            await self._pool.execute(
                "delete from identity.sessions where session_hash = $1", session_hash(session.identity)
            )
        response.headers.add("Set-Cookie", self.dropped())


def _user_of(session: Session) -> UUID | None:
    user_id = session.get("user_id")
    return UUID(user_id) if user_id else None


def start_session(request: web.Request, new: NewSession) -> None:
    """Make the session that a sign-in wrote this request's session; its cookie goes out with the response."""
    session = Session(new.token, data={"created": int(new.created_at.timestamp()), "session": new.data}, new=False)
    session.changed()
    request[_STARTED] = new
    request[SESSION_KEY] = session


async def live_session(request: web.Request) -> LiveSession | None:
    """Return the signed-in session that the request came with, ``None`` when nobody is signed in by it."""
    session = await get_session(request)
    user_id = _user_of(session)
    if user_id is None or session.identity is None:
        return None
    authentications = tuple(Authentication.from_data(one) for one in session.get("authentications", ()))
    return LiveSession(session_hash(session.identity), user_id, authentications)
