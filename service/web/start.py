"""The start page: what this is, and a way in by the workspace's short name."""

from aiohttp import web

from service.login.slug import LONGEST_SLUG, is_slug
from service.web.form import single
from service.web.pages import PAGES


async def show_start(request: web.Request) -> web.Response:
    """``GET /``."""
    return request.app[PAGES].render(request, "start", leads_out=True, workspace="", problem=None)


async def go_to_workspace(request: web.Request) -> web.Response:
    """``GET /sign-in?workspace=acme``: on to the workspace's initiate address. Does not tell which workspaces exist."""
    slug = single(request.query, ("workspace",)).get("workspace", "").strip().lower()
    if is_slug(slug):
        return web.Response(status=303, headers={"Location": f"/api/sso/initiate/{slug}"})
    problem = (
        "A workspace’s short name has letters a to z, digits and single hyphens." if slug else "Enter a workspace."
    )
    return request.app[PAGES].render(
        request, "start", status=422, leads_out=True, workspace=slug[:LONGEST_SLUG], problem=problem
    )


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [web.get("/", show_start), web.get("/sign-in", go_to_workspace)]
