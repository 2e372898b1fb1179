"""Problem documents (RFC 9457): every error of the API in one shape, with a stable ``code``."""

from collections.abc import Mapping
from http import HTTPStatus

import orjson
from aiohttp import web

from events.refusals import STATUS, Refusal

MEDIA_TYPE = "application/problem+json"

TITLES: Mapping[str, str] = {
    "unauthenticated": "A valid token is needed",
    "forbidden": "Not allowed for this token",
    "workspace_unknown": "No such workspace",
    "member_unknown": "No such member",
    "invitation_unknown": "No such invitation",
    "sign_in_removed": "The sign-in is older than the log is kept",
    "workspace_parked": "The workspace is parked",
    "workspace_closed": "The workspace is closed",
    "slug_taken": "The slug is taken",
    "event_type_unknown": "No such event type",
    "data_invalid": "The request cannot be understood",
    "plan_without_sso": "The plan does not include SSO",
    "domain_generic": "A public mail provider's domain",
    "domain_disposable": "A disposable mail domain",
    "domain_invalid": "Not a domain",
    "not_ready": "Something is missing first",
    "not_proven": "Nobody has signed in through this connection yet",
    "would_lock_out": "This would lock people out",
    "version_conflict": "The workspace has changed meanwhile",
    "idempotency_conflict": "The idempotency key was used before",
    "provider_unreachable": "The provider does not answer",
    "provider_invalid": "The provider's answer cannot be used",
}

OWN_MEMBERS = frozenset({"type", "title", "status", "detail", "instance", "code", "request_id"})


def problem(
    code: str, message: str, status: int, request_id: str, details: Mapping[str, object] | None = None
) -> web.Response:
    """Return a problem document.

    ``message`` is the sentence for a person, ``details`` become extension members beside the standard ones.
    A 401 carries ``WWW-Authenticate`` (RFC 6750 3), nothing is ever cached.
    """
    extensions = {key: value for key, value in (details or {}).items() if key not in OWN_MEMBERS}
    document = {
        "type": f"urn:keyledger:problem:{code}",
        "title": TITLES.get(code) or HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "instance": f"urn:keyledger:request:{request_id}",
        "code": code,
        "request_id": request_id,
        **extensions,
    }
    response = web.Response(
        body=orjson.dumps(document), status=status, content_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"}
    )
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="keyledger"'
    retry_after = extensions.get("retry_after")
    if isinstance(retry_after, int):
        response.headers["Retry-After"] = str(retry_after)
    return response


def problem_of_refusal(refusal: Refusal, request_id: str) -> web.Response:
    """Return the problem document for a refusal."""
    status = STATUS[refusal.code]
    return problem(refusal.code, refusal.message, status, request_id, refusal.details)


def problem_of_http(error: web.HTTPException, request_id: str) -> web.Response:
    """Return the problem document for what aiohttp itself refuses: an unknown route, a wrong method, a big body."""
    code, message = {
        404: ("not_found", "There is nothing at this address. /api/v1/openapi.json lists all addresses."),
        405: ("method_not_allowed", "This address does not take this method; see the Allow header."),
        413: ("too_large", "The request is too large."),
    }.get(
        error.status, ("data_invalid" if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal", error.reason)
    )
    response = problem(code, message, error.status, request_id)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response
