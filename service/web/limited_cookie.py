"""The cookie of a session that opens no workspace: a set-up or a recovery session."""

from aiohttp import web

from service.identity.limited_sessions import Kind, LimitedSession, find_limited_session
from service.keys import IDENTITY, SETTINGS


def keep_limited(request: web.Request, response: web.Response, session: LimitedSession, token: str) -> None:
    """Have the browser keep the session until it ends."""
    name, flags = _cookie(request, session.kind)
    seconds = int((session.expires_at - request.app[IDENTITY].clock()).total_seconds())
    response.headers.add("Set-Cookie", f"{name}={token}; Max-Age={seconds}{flags}")


async def limited_session(request: web.Request, kind: Kind) -> LimitedSession | None:
    """Return the session of this kind that the browser holds, if it has not ended."""
    name, _ = _cookie(request, kind)
    identity = request.app[IDENTITY]
    return await find_limited_session(identity.pool, kind, request.cookies.get(name, ""), identity.clock())


def _cookie(request: web.Request, kind: Kind) -> tuple[str, str]:
    secure = request.app[SETTINGS].secure_cookies
    name = f"{'__Host-' if secure else ''}keyledger-{kind}"
    return name, "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
