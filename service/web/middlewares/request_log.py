"""One log line and one measurement per answered request, by route template: a path or a query may hold a secret."""

import re
import time
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from service.metrics import Metrics

log = structlog.get_logger("http")

UNMATCHED: Final = "unmatched"
QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics", "/static/{name}"})
_SLUG = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")
_LONGEST_SLUG = 63


def route_template(request: web.Request) -> str:
    """Return the matched route's template (``/api/sso/initiate/{slug}``), never the path itself."""
    resource = request.match_info.route.resource
    return UNMATCHED if resource is None else resource.canonical


def named_workspace(request: web.Request) -> str | None:
    """Return the slug in the path, if it can be one at all."""
    slug = request.match_info.get("slug")
    return slug if slug is not None and len(slug) <= _LONGEST_SLUG and _SLUG.fullmatch(slug) else None


def request_log(metrics: Metrics) -> Middleware:
    """Return the middleware. Probes, scrapes and files are measured but not logged."""

    @web.middleware
    async def log_request(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = time.perf_counter()
        response = await handler(request)
        seconds = time.perf_counter() - begun
        route = route_template(request)
        metrics.answered(route, response.status, seconds)
        if route not in QUIET:
            log.info(
                "request",
                method=request.method,
                route=route,
                workspace=named_workspace(request),
                status=response.status,
                ms=round(seconds * 1000, 2),
            )
        return response

    return log_request
