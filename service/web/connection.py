"""An owner's pages about their workspace's connection: its desk, and recovery codes."""

from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from events.envelope import Actor
from service.commands.asking import Asker
from service.identity.access import Access, open_workspace
from service.identity.recovery import issue_codes
from service.identity.sessions import live_session
from service.keys import IDENTITY, REQUEST_ID
from service.login.slug import is_slug
from service.web.desk import Desk
from service.web.desk_actions import desk_routes
from service.web.pages import PAGES
from service.web.refusal import PageRefusal
from service.web.sign_in_page import restart_address

MAY: Final = frozenset({"stage", "test", "promote", "roll-back", "switch-on", "require", "lift"})
LATELY: Final = timedelta(hours=1)
"""How old an owner's sign-in by SSO may be for new recovery codes: whoever finds an open session makes none."""


async def _owner(request: web.Request) -> Access:
    slug, identity, live = request.match_info["slug"], request.app[IDENTITY], await live_session(request)
    if live is None:
        raise PageRefusal("unauthenticated", restart="/login")
    if not is_slug(slug):
        raise PageRefusal("not_found")
    access = await open_workspace(identity.pool, live, slug, identity.clock())
    if not isinstance(access, Access) or access.role != "owner":
        raise PageRefusal("not_found")
    return access


async def _desk(request: web.Request) -> Desk:
    access = await _owner(request)
    asker = Asker(Actor("member", str(access.member_id)), request[REQUEST_ID], "owner")
    base = f"/workspaces/{access.workspace}/connection"
    by_sso = access.by.method == "sso"
    return Desk(access.workspace, base, asker, MAY, "Single sign-on", people="named", by_sso=by_sso)


async def offer_codes(request: web.Request) -> web.Response:
    """``GET /workspaces/{slug}/recovery-codes``: what they are for, and a button."""
    return _codes_page(request, await _owner(request), codes=())


async def make_codes(request: web.Request) -> web.Response:
    """``POST /workspaces/{slug}/recovery-codes``: new codes, shown this once."""
    access = await _owner(request)
    if not _lately(request, access):
        return _codes_page(request, access, codes=())
    codes = await issue_codes(request.app[IDENTITY], access.workspace, access.member_id, request[REQUEST_ID])
    return _codes_page(request, access, codes=codes)


def _lately(request: web.Request, access: Access) -> bool:
    made = datetime.fromisoformat(access.by.at)
    return access.by.method == "sso" and request.app[IDENTITY].clock() - made <= LATELY


def _codes_page(request: web.Request, access: Access, codes: list[str] | tuple[()]) -> web.Response:
    return request.app[PAGES].render(
        request,
        "recovery_codes",
        slug=access.workspace,
        codes=codes,
        lately=_lately(request, access),
        sign_in=restart_address(access.workspace, None),
    )


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        *desk_routes("/workspaces/{slug}/connection", _desk),
        web.get("/workspaces/{slug}/recovery-codes", offer_codes),
        web.post("/workspaces/{slug}/recovery-codes", make_codes),
    ]
