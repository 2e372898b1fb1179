"""Turns what handlers raise into an answer: a page for people, a problem document for programs (RFC 9457)."""

import json
from typing import Final

import structlog
from aiohttp import web

from events.refusals import Refusal
from events.workspace import UnreadableEvent
from service.db import is_away
from service.identity.read_model import UnusableReadModel
from service.keys import REQUEST_ID
from service.login.slug import is_slug
from service.web.notices import notice_for
from service.web.pages import Pages
from service.web.refusal import PageRefusal
from service.web.sign_in_page import restart_address

log = structlog.get_logger("http")

RETRY_AFTER_S: Final = 2
PROGRAMS: Final = ("/api/v1/", "/api/auth/", "/api/session", "/api/sso/backchannel-logout/")
_REASONS: Final = {404: "not_found", 405: "wrong_method", 413: "request_too_large", 415: "media_type_unsupported"}
_CODES: Final = {"wrong_method": "method_not_allowed", "request_too_large": "too_large", "foreign_origin": "forbidden"}


def answer_error(request: web.Request, error: Exception, pages: Pages) -> web.Response:
    """Answer what a handler raised. What nobody foresaw is logged with its place, and told as a request id alone."""
    if isinstance(error, PageRefusal):
        return _answer(request, error, pages)
    if isinstance(error, web.HTTPException):
        return _answer_http(request, error, pages)
    if isinstance(error, Refusal):
        return _answer(request, PageRefusal("busy" if error.code == "busy" else "request_malformed"), pages)
    if isinstance(error, UnusableReadModel | UnreadableEvent):
        log.error("workspace_parked", method=request.method, exc_info=error)
        return _answer(request, PageRefusal("workspace_unavailable", detail="read_model_unusable"), pages)
    if is_away(error):
        log.error("database_away", method=request.method, exc_info=error)
        return _answer(request, _away(request), pages)
    log.error("request_failed", method=request.method, exc_info=error)
    return _answer(request, PageRefusal("internal"), pages)


def _away(request: web.Request) -> PageRefusal:
    """A sign-in starts again in a moment; any other page is asked for again."""
    slug = request.match_info.get("slug")
    restart = restart_address(slug, None) if slug is not None and is_slug(slug) else None
    return PageRefusal("busy", detail="database_away", restart=restart, retry_after=RETRY_AFTER_S)


def _answer_http(request: web.Request, error: web.HTTPException, pages: Pages) -> web.Response:
    if error.status < 400:  # noqa: PLR2004  a redirect, raised
        return web.Response(status=error.status, headers={"Location": error.headers["Location"]})
    other = "request_malformed" if error.status < 500 else "internal"  # noqa: PLR2004  HTTP's own classes
    response = _answer(request, PageRefusal(_REASONS.get(error.status, other)), pages)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _answer(request: web.Request, refusal: PageRefusal, pages: Pages) -> web.Response:
    if not request.path.startswith(PROGRAMS):
        return pages.refuse(request, refusal)
    notice = notice_for(refusal.reason, refusal.detail)
    request_id = request.get(REQUEST_ID, "")
    code = _CODES.get(refusal.reason, refusal.reason)
    document = {
        "type": f"urn:keyledger:problem:{code}",
        "title": notice.title,
        "status": notice.status,
        "detail": f"{notice.happened} {notice.advice}",
        "instance": f"urn:keyledger:request:{request_id}",
        "code": code,
        "request_id": request_id,
    }
    body = json.dumps(document, ensure_ascii=False)
    response = web.Response(text=body, status=notice.status, content_type="application/problem+json")
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response
