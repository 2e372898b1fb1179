"""Serves the files that pages load, from memory, cacheable for ever under addresses that change with their content."""

from aiohttp import web

from service.web.pages import PAGES
from service.web.refusal import PageRefusal


async def serve_asset(request: web.Request) -> web.Response:
    """``GET /static/{name}``."""
    pages = request.app[PAGES]
    for asset in pages.assets.values():
        if asset.path == request.path:
            headers = pages.headers.static.copy()
            return web.Response(body=asset.body, content_type=asset.media_type, charset="utf-8", headers=headers)
    raise PageRefusal("not_found")


def routes() -> list[web.RouteDef]:
    """The route of this module."""
    return [web.get("/static/{name}", serve_asset)]
