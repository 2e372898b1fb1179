"""Puts the security headers on every answer that does not carry them yet."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from service.web.headers import POLICY_HEADER, SecurityHeaders


def security_headers(headers: SecurityHeaders) -> Middleware:
    """Return the middleware."""
    fixed = tuple(headers.dynamic.items())

    @web.middleware
    async def add_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        present = response.headers
        if POLICY_HEADER not in present and not response.prepared:
            for name, value in fixed:
                present.setdefault(name, value)
        return response

    return add_headers
