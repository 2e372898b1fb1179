"""Who is signed in: for people the account page and the ways out, for the host application the session."""

from datetime import datetime
from typing import Final

from aiohttp import web
from aiohttp_session import get_session

from service.identity.sessions import live_session
from service.keys import CLOCK, POOL, SETTINGS
from service.login.standing import Standing, read_standing
from service.web.pages import PAGES
from service.web.refusal import PageRefusal

METHODS: Final = {"sso": "Single sign-on", "google": "Google", "magic_link": "A link by e-mail"}


async def current_standing(request: web.Request) -> Standing | None:
    """Return who is signed in by this request's session and what it opens now; ``None`` for nobody."""
    live = await live_session(request)
    return None if live is None else await read_standing(request.app[POOL], live, request.app[CLOCK]())


async def show_account(request: web.Request) -> web.Response:
    """``GET /account``."""
    standing = await current_standing(request)
    if standing is None:
        return web.Response(status=303, headers={"Location": "/"})
    workspaces = [
        {
            "slug": opened.slug,
            "name": opened.name,
            "role": opened.role.capitalize(),
            "websites": opened.websites,
            "method": METHODS[opened.authentication.method],
            "since": datetime.fromisoformat(opened.authentication.at),
        }
        for opened in standing.workspaces
    ]
    return request.app[PAGES].render(
        request,
        "account",
        name=standing.name,
        email=standing.email,
        workspaces=workspaces,
        app_url=request.app[SETTINGS].app_url,
    )


async def tell_session(request: web.Request) -> web.Response:
    """``GET /api/session``: 401, or who is signed in and the workspaces that this session opens now."""
    standing = await current_standing(request)
    if standing is None:
        raise PageRefusal("unauthenticated")
    return web.json_response(
        {
            "user": {"id": str(standing.user_id), "email": standing.email, "name": standing.name},
            "workspaces": [
                {"slug": opened.slug, "role": opened.role, "websites": opened.websites} for opened in standing.workspaces
            ],
            "authentications": [
                {"method": one.method, "workspace": one.workspace, "at": one.at} for one in standing.authentications
            ],
        }
    )


async def sign_out(request: web.Request) -> web.Response:
    """``POST /logout``: end this session; its id is worth nothing afterwards."""
    session = await get_session(request)
    session.invalidate()
    session.changed()
    return request.app[PAGES].render(request, "signed_out", everywhere=False)


async def sign_out_everywhere(request: web.Request) -> web.Response:
    """``POST /logout/everywhere``: end all of the person's sessions, on every device."""
    live = await live_session(request)
    if live is not None:
        await request.app[POOL].execute("delete from identity.sessions where user_id = $1", live.user_id)
    session = await get_session(request)
    session.invalidate()
    session.changed()
    return request.app[PAGES].render(request, "signed_out", everywhere=True)


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.get("/account", show_account),
        web.get("/api/session", tell_session),
        web.post("/logout", sign_out),
        web.post("/logout/everywhere", sign_out_everywhere),
    ]
