"""Sessions for the routes that have one, loaded when a handler asks. The way to a provider has none, and pays for none."""

import warnings
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_exceptions import NotAppKeyWarning
from aiohttp_session import AbstractStorage, session_middleware

WITHOUT: Final = ("/api/sso/initiate/", "/api/v1/", "/static/", "/healthz", "/readyz", "/metrics")


def sessions(storage: AbstractStorage) -> Middleware:
    """Return the middleware over ``storage``."""
    # aiohttp-session keeps its session under a plain string, of which aiohttp would warn at each request.
    warnings.filterwarnings("ignore", category=NotAppKeyWarning, module="aiohttp_session")
    keep_session = session_middleware(storage)

    @web.middleware
    async def lazily(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(WITHOUT):
            return await handler(request)
        return await keep_session(request, handler)

    return lazily
