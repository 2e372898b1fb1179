"""Opening a workspace: straight on where the session opens it, else by signing in the way that opens it now."""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from service.identity.access import Access, open_workspace
from service.identity.sessions import live_session
from service.keys import CONNECTIONS, IDENTITY
from service.login.initiate import available
from service.login.slug import is_slug
from service.web.flow import FLOW
from service.web.form import single
from service.web.refusal import PageRefusal
from service.web.sign_in_page import restart_address

LOGIN_PATH: Final = "/login"


async def open_by_slug(request: web.Request) -> web.Response:
    """``GET /open/{slug}?target=``: to the target, or the landing page, if the session opens the workspace.

    If it does not, the person goes through that workspace's SSO, or to the login page where it has none or nobody is
    signed in; and from there to where they wanted to go. What the session holds already stays. Only registered origins
    are targets. The answer depends on nobody's membership but the session's where it opens the workspace, so that it
    tells a stranger nothing that initiate does not.
    """
    slug = request.match_info["slug"]
    targets, identity = request.app[FLOW].targets, request.app[IDENTITY]
    if not is_slug(slug):
        raise PageRefusal("workspace_unavailable")
    target = targets.admit(single(request.query, ("target",)).get("target"))
    live = await live_session(request)
    if live is None:
        return _to(_login_address(slug, target))
    found = await open_workspace(identity.pool, live, slug, identity.clock())
    if isinstance(found, Access):
        return _to(targets.landing(target))
    by_sso = available(await request.app[CONNECTIONS].get(slug))
    return _to(restart_address(slug, target) if by_sso else _login_address(slug, target))


def _login_address(slug: str, target: str | None) -> str:
    asked = {"workspace": slug} if target is None else {"workspace": slug, "target_link_uri": target}
    return f"{LOGIN_PATH}?{urlencode(asked)}"


def _to(address: str) -> web.Response:
    return web.Response(status=303, headers={"Location": address})


def routes() -> list[web.RouteDef]:
    """The route of this module."""
    return [web.get("/open/{slug}", open_by_slug)]
