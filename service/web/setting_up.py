"""Set-up links: the address shows a button, its POST exchanges the link for a session in this browser, once."""

from typing import Final
from uuid import UUID

from aiohttp import web

from events.envelope import Actor
from events.refusals import Refusal
from service.commands.asking import Asker
from service.identity.limited_sessions import LimitedSession
from service.identity.setup_link import exchange_link, find_link
from service.keys import IDENTITY, REQUEST_ID
from service.web.desk import Desk, committed
from service.web.desk_actions import desk_routes
from service.web.limited_cookie import keep_limited, limited_session
from service.web.pages import PAGES
from service.web.refusal import PageRefusal

MAY: Final = frozenset({"stage", "test"})


async def show_link(request: web.Request) -> web.Response:
    """``GET /setup/{token}``: which workspace it is for, and a button. A mail scanner that opens it changes nothing."""
    identity = request.app[IDENTITY]
    found = await find_link(identity.pool, request.match_info["token"], identity.clock())
    if found is None:
        raise PageRefusal("link_invalid", detail="setup")
    return request.app[PAGES].render(request, "setup_link", workspace=found.workspace.name, expires_at=found.expires_at)


async def use_link(request: web.Request) -> web.Response:
    """``POST /setup/{token}``: from now on this browser, and no other, sets the connection up."""
    identity = request.app[IDENTITY]
    try:
        begun = await exchange_link(identity, request.match_info["token"], request[REQUEST_ID])
    except Refusal:
        begun = None
    if begun is None:
        raise PageRefusal("link_invalid", detail="setup")
    response = web.Response(status=303, headers={"Location": "/setup/desk"})
    keep_limited(request, response, *begun)
    return response


async def _desk(request: web.Request) -> Desk:
    session: LimitedSession | None = await limited_session(request, "setup")
    if session is None:
        raise PageRefusal("link_invalid", detail="setup")
    link_id: UUID = session.holder
    asker = Asker(Actor("setup", str(link_id)), request[REQUEST_ID])
    until = session.expires_at.strftime("%-d %B %Y, %H:%M UTC")
    # Whoever holds a link may be nobody of the workspace: how many would be affected, and never who.
    desk = Desk(session.workspace, "/setup/desk", asker, MAY, "Set up single sign-on", until, people="counted")
    # A link that was revoked takes its session with it.
    if str(link_id) not in (await committed(request, desk)).setup_links:
        raise PageRefusal("link_invalid", detail="setup")
    return desk


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        *desk_routes("/setup/desk", _desk),
        web.get("/setup/{token}", show_link),
        web.post("/setup/{token}", use_link),
    ]
