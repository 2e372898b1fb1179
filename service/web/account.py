"""Who is signed in: for people the account page and the ways out, for the host application the session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web
from aiohttp_session import get_session

from service.identity.access import Access, Person, opened_workspaces, session_person
from service.identity.session_ends import end_sessions_of
from service.identity.session_values import LiveSession
from service.identity.sessions import live_session
from service.keys import IDENTITY, SETTINGS
from service.web.pages import PAGES
from service.web.refusal import PageRefusal

METHODS: Final = {"sso": "Single sign-on", "google": "Google", "magic_link": "A link by e-mail", "recovery": "A recovery code"}


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is signed in by a request's session, and what that session opens now."""

    live: LiveSession
    person: Person
    opened: Sequence[Access]


async def current_standing(request: web.Request) -> Standing | None:
    """Return the standing, judged on committed state; ``None`` when nobody is signed in."""
    live = await live_session(request)
    if live is None:
        return None
    identity = request.app[IDENTITY]
    opened = await opened_workspaces(identity.pool, live, identity.clock())
    return Standing(live, await session_person(identity.pool, live, opened), opened)


async def show_account(request: web.Request) -> web.Response:
    """``GET /account``."""
    standing = await current_standing(request)
    if standing is None:
        return web.Response(status=303, headers={"Location": "/"})
    workspaces = [
        {
            "slug": access.workspace,
            "role": access.role.capitalize(),
            "websites": access.websites,
            "method": METHODS[access.by.method],
            "since": datetime.fromisoformat(access.by.at),
        }
        for access in standing.opened
    ]
    return request.app[PAGES].render(
        request,
        "account",
        name=standing.person.name,
        email=standing.person.email,
        workspaces=workspaces,
        app_url=request.app[SETTINGS].app_url,
    )


async def tell_session(request: web.Request) -> web.Response:
    """``GET /api/session``: 401, or who is signed in and the workspaces that this session opens now."""
    standing = await current_standing(request)
    if standing is None:
        raise PageRefusal("unauthenticated")
    person = standing.person
    return web.json_response(
        {
            "user": {"id": str(person.user_id), "email": person.email, "name": person.name},
            "workspaces": [
                {"slug": access.workspace, "role": access.role, "websites": access.websites}
                for access in standing.opened
            ],
            "authentications": [
                {"method": one.method, "workspace": one.workspace, "at": one.at}
                for one in standing.live.authentications
            ],
        }
    )


async def sign_out(request: web.Request) -> web.Response:
    """``POST /logout``: end this session; its id is worth nothing afterwards."""
    await _forget(request)
    return request.app[PAGES].render(request, "signed_out", everywhere=False)


async def sign_out_everywhere(request: web.Request) -> web.Response:
    """``POST /logout/everywhere``: end all of the person's sessions, on every device."""
    live = await live_session(request)
    if live is not None:
        await end_sessions_of(request.app[IDENTITY].pool, live.user_id)
    await _forget(request)
    return request.app[PAGES].render(request, "signed_out", everywhere=True)


async def _forget(request: web.Request) -> None:
    """Empty the session, upon which the storage deletes its row and its cookie."""
    session = await get_session(request)
    session.invalidate()
    session.changed()


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.get("/account", show_account),
        web.get("/api/session", tell_session),
        web.post("/logout", sign_out),
        web.post("/logout/everywhere", sign_out_everywhere),
    ]
