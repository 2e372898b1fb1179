"""How a sign-in ends that began at no workspace's connection: on to the application, or a page that tells why not."""

from typing import Final

from aiohttp import web

from service.identity.arrival import NOWHERE
from service.identity.outcome import Outcome
from service.identity.people import Method
from service.identity.sessions import start_session
from service.identity.sign_in_log import SignIn
from service.keys import CLOCK, METRICS, REQUEST_ID, SIGN_IN_LOG
from service.web.flow import FLOW
from service.web.last_method import LastMethod, remember_method
from service.web.login_fields import login_address
from service.web.pages import PAGES
from service.web.refusal import PageRefusal
from service.web.sign_in_page import restart_address

LINK_MINUTES: Final = 15


def answer_login(request: web.Request, method: Method, outcome: Outcome, target: str | None) -> web.Response:
    """Answer an outcome but ``confirm_switch``, which needs a form of its method's own."""
    request.app[METRICS].signed_in(outcome.reason)
    if outcome.status == "signed_in" and outcome.session is not None:
        start_session(request, outcome.session)
        landing = request.app[FLOW].targets.landing(target)
        response = web.Response(status=303, headers={"Location": landing})
        remember_method(request, response, LastMethod(method))
        return response
    if outcome.status == "confirm_link":
        return show_mail_sent(request, outcome.email or "", target, reason=outcome.reason)
    restart = login_address(None, target)
    if outcome.workspace is not None and outcome.reason in {"method_not_allowed", "identity_conflict"}:
        restart = restart_address(outcome.workspace, target)
    raise PageRefusal(outcome.reason, detail=outcome.detail, restart=restart, email=outcome.email)


def show_mail_sent(request: web.Request, email: str, target: str | None, *, reason: str | None = None) -> web.Response:
    """Say that a mail is on its way, if the address leads to anybody. ``reason`` is that of a mail which confirms."""
    return request.app[PAGES].render(
        request,
        "login_mail",
        email=email,
        reason=reason,
        minutes=LINK_MINUTES,
        restart=login_address(None, target),
    )


def record_login_refusal(
    request: web.Request, method: Method, reason: str, detail: str | None, email: str | None = None
) -> None:
    """Put a refusal that nothing else has written into the sign-in log, before long and without waiting."""
    request.app[METRICS].signed_in(reason)
    request.app[SIGN_IN_LOG].record_soon(
        SignIn(
            at=request.app[CLOCK](),
            workspace=NOWHERE,
            method=method,
            reason=reason,
            request_id=request[REQUEST_ID],
            initiated_by="app",
            email=email,
            detail=detail,
        )
    )
