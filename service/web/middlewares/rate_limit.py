"""Limits how often one address, and everybody together for one workspace, may start or finish a sign-in.

Requests from this machine are not limited: a proxy that the settings do not name looks like that, and limiting it would
lock out everybody behind it at once.
"""

from ipaddress import ip_address
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from service.keys import CLIENT_IP
from service.limits import RateLimit
from service.metrics import Metrics
from service.web.middlewares.request_log import route_template
from service.web.refusal import PageRefusal

LIMITED: Final = "/api/sso/"
WORKSPACE_FACTOR: Final = 20
"""How many times the rate of one address all addresses together may reach for one workspace."""


def _network(address: str) -> str:
    """Whoever has one IPv6 address has the whole /64."""
    return ":".join(address.split(":")[:4]) if ":" in address else address


def _is_here(address: str) -> bool:
    if address.startswith("127."):
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def rate_limit(per_minute: int, metrics: Metrics) -> Middleware:
    """Return the middleware; ``per_minute`` is the rate of one address."""
    by_address = RateLimit(per_minute)
    by_workspace = RateLimit(per_minute * WORKSPACE_FACTOR)

    @web.middleware
    async def check_rate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(LIMITED):
            address = request[CLIENT_IP]
            if not _is_here(address):
                slug = request.match_info.get("slug", "")[:64]
                wait = by_address.wait(_network(address)) or by_workspace.wait(slug)
                if wait:
                    metrics.limited(route_template(request))
                    raise PageRefusal("rate_limited", retry_after=wait)
        return await handler(request)

    return check_rate
