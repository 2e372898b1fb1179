"""From the end of a sign-in to its page, and to its row in the log where it has none yet."""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import web

from service.identity.outcome import Outcome
from service.identity.sessions import start_session
from service.identity.sign_in_log import SignIn
from service.keys import CLOCK, CONNECTIONS, METRICS, REQUEST_ID, SIGN_IN_LOG
from service.login.attempt import Kind
from service.login.outcome import Refused
from service.login.slug import is_slug
from service.web.flow import FLOW
from service.web.pages import PAGES
from service.web.redirect import Redirect
from service.web.refusal import PageRefusal

log = structlog.get_logger("sign_in")

_WITHOUT_RESTART: Final = frozenset({"workspace_unavailable"})


def restart_address(slug: str, target: str | None) -> str:
    """Return the address that starts again, on the way to the same target."""
    query = f"?target_link_uri={quote(target, safe='')}" if target else ""
    return f"/api/sso/initiate/{quote(slug, safe='')}{query}"


def record_refusal(request: web.Request, slug: str, refused: Refused, kind: Kind | None) -> None:
    """Put the refusal into the service's log, and into the sign-in log before long and without waiting."""
    connection = request.app[CONNECTIONS].peek(slug)
    credentials = connection.credentials if connection is not None else None
    request.app[METRICS].signed_in(refused.reason)
    log.info(
        "sign_in_refused",
        request_id=request[REQUEST_ID],
        workspace=slug if is_slug(slug) else None,
        reason=refused.reason,
        detail=refused.detail,
        okta_field=refused.okta_field,
    )
    request.app[SIGN_IN_LOG].record_soon(
        SignIn(
            at=request.app[CLOCK](),
            workspace=slug,
            method="sso",
            reason=refused.reason,
            request_id=request[REQUEST_ID],
            initiated_by=kind if refused.tested is None else "test",
            config_version=connection.version if connection is not None else None,
            credentials_id=refused.tested or (credentials.credentials_id if credentials is not None else None),
            email=refused.email,
            checks=dict(refused.checks),
            detail=refused.detail,
            explanation=refused.explanation,
            okta_field=refused.okta_field,
        ),
        proven=refused.spent or refused.tested is not None,
    )


def page_of(slug: str, refused: Refused, cookies: list[str]) -> PageRefusal:
    """Return the page that explains the refusal."""
    restart = None if refused.reason in _WITHOUT_RESTART else restart_address(slug, refused.target)
    if refused.tested is not None:
        restart = refused.target
    return PageRefusal(
        refused.reason,
        detail=refused.detail,
        field=refused.okta_field,
        explanation=refused.explanation,
        restart=restart,
        email=refused.email,
        cookies=cookies,
        retry_after=refused.retry_after,
        slug=slug,
    )


def seconds(at: str) -> float:
    """Return an authentication's moment in seconds since the epoch."""
    moment = datetime.fromisoformat(at)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def answer_outcome(request: web.Request, slug: str, target: str | None, outcome: Outcome) -> web.Response:
    """Answer how a sign-in ended: on to the application, or a page that tells what has to happen first."""
    flow, pages = request.app[FLOW], request.app[PAGES]
    if outcome.status == "signed_in" and outcome.session is not None:
        start_session(request, outcome.session)
        return Redirect(pages.headers.redirects, 303, flow.targets.landing(target), [], request[REQUEST_ID])
    if outcome.status == "tested" and target is not None:
        return web.Response(status=303, headers={"Location": target})
    restart = restart_address(slug, target)
    if outcome.status == "confirm_link":
        return pages.render(request, "check_mail", reason=outcome.reason, email=outcome.email, restart=restart)
    refused = Refused(outcome.reason, outcome.detail, email=outcome.email, target=target)
    return pages.refuse(request, page_of(slug, refused, []))
