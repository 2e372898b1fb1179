"""One log line and one measurement per answered request, by route template: a path or a query may hold a secret."""

from typing import Final

from aiohttp import web

from service.login.slug import is_slug
from service.logs import RequestLog
from service.metrics import Metrics

UNMATCHED: Final = "unmatched"
QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics", "/static/{name}"})
"""Probes, scrapes and files are measured but not logged."""


def route_template(request: web.Request) -> str:
    """Return the matched route's template (``/api/sso/initiate/{slug}``), never the path itself."""
    resource = request.match_info.route.resource
    return UNMATCHED if resource is None else resource.canonical


def named_workspace(request: web.Request) -> str | None:
    """Return the slug in the path, if it can be one at all."""
    slug = request.match_info.get("slug")
    return slug if slug is not None and is_slug(slug) else None


def log_answer(
    request: web.Request, route: str, status: int, seconds: float, metrics: Metrics, lines: RequestLog
) -> None:
    """Measure and log an answered request."""
    metrics.answered(route, status, seconds)
    if route not in QUIET:
        lines.answered(request.method, route, named_workspace(request), status, seconds)
