"""Signing in with Google: out, back, and the confirming form where somebody else is signed in."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from service.identity.google import open_google_switch, seal_google_switch, sign_in_by_google
from service.identity.resources import RequestMeta
from service.identity.sessions import live_session
from service.keys import CLIENT_IP, METRICS, REQUEST_ID
from service.login.beginning import Begun
from service.login.google import CALLBACK_PATH, GoogleRoundTrip
from service.login.outcome import Refused
from service.login.returned import AlreadyUsed
from service.web.flow import FLOW
from service.web.form import read_form, single
from service.web.front.rate_limit import SIGN_IN_LIMITS
from service.web.login_end import answer_login, record_login_refusal
from service.web.login_fields import login_address, posted_fields
from service.web.login_link import wake_outbox
from service.web.pages import PAGES
from service.web.refusal import PageRefusal
from service.web.sign_in_page import seconds

PARAMETERS: Final = ("state", "code", "error", "error_description", "iss")


def _round_trip(request: web.Request) -> GoogleRoundTrip:
    google = request.app[FLOW].google
    if google is None:
        raise PageRefusal("not_found")
    return google


async def start(request: web.Request) -> web.Response:
    """``POST /login/google``: to Google."""
    google = _round_trip(request)
    fields = await posted_fields(request)
    begun = await google.begin(
        login_hint=None if fields.address is None else fields.address.display,
        target=fields.target,
        cookie_header=request.headers.get("Cookie", ""),
    )
    metrics = request.app[METRICS]
    if not isinstance(begun, Begun):
        metrics.not_begun(begun.reason)
        raise _refuse(request, begun)
    metrics.begun()
    headers = request.app[PAGES].headers.redirect.copy()
    headers["Location"] = begun.location
    for cookie in begun.cookies:
        headers.add("Set-Cookie", cookie)
    return web.Response(status=303, headers=headers)


async def come_back(request: web.Request) -> web.Response:
    """``GET /login/google/callback``: Google's answer."""
    google = _round_trip(request)
    fields = _answer_fields(request)
    answer = await google.answer(fields, request.headers.get("Cookie", ""))
    if isinstance(answer, AlreadyUsed):
        return await _used(request, answer)
    if isinstance(answer, Refused):
        if answer.spent and answer.reason == "code_rejected":
            request.app[SIGN_IN_LIMITS].rejected(request[CLIENT_IP])
        raise _refuse(request, answer, fields.get("state") if answer.spent else None)
    live = await live_session(request)
    identity = request.app[FLOW].identity
    outcome = await sign_in_by_google(identity, answer.person, RequestMeta(request[REQUEST_ID], live))
    wake_outbox(request)
    drop = request.app[FLOW].cookies.drop(answer.attempt.state)
    if outcome.status == "confirm_switch" and live is not None:
        request.app[METRICS].signed_in(outcome.reason)
        response = request.app[PAGES].render(
            request,
            "login_switch",
            newcomer=answer.person.email,
            current=next((one.email for one in reversed(live.authentications) if one.email), None),
            action="/login/google/switch",
            ticket=seal_google_switch(identity, live, answer.person, answer.attempt.target),
        )
    else:
        try:
            response = answer_login(request, "google", outcome, answer.attempt.target)
        except PageRefusal as refusal:
            refusal.cookies = [*refusal.cookies, drop]
            raise
    response.headers.add("Set-Cookie", drop)
    return response


def _answer_fields(request: web.Request) -> Mapping[str, str]:
    try:
        return single(request.query, PARAMETERS, never_together=("code", "error"))
    except PageRefusal as refusal:
        record_login_refusal(request, "google", "provider_error", refusal.reason)
        refusal.restart = login_address()
        raise


async def _used(request: web.Request, used: AlreadyUsed) -> web.Response:
    """Go on if this browser holds the session that the attempt led to; else explain."""
    live = await live_session(request)
    made = live.authentications if live is not None else ()
    if any(one.method == "google" and seconds(one.at) >= used.started_at for one in made):
        return web.Response(status=303, headers={"Location": request.app[FLOW].targets.landing(used.target)})
    raise _refuse(request, Refused("attempt_used", "spent", target=used.target))


def _refuse(request: web.Request, refused: Refused, state: str | None = None) -> PageRefusal:
    record_login_refusal(request, "google", refused.reason, refused.detail, refused.email)
    cookies = [] if state is None else [request.app[FLOW].cookies.drop(state)]
    restart = login_address(None, refused.target)
    # The words for a workspace's provider send people to an administrator whom an account at Google may not have.
    detail = "not_verified" if refused.reason == "email_unverified" else refused.detail
    return PageRefusal(
        refused.reason,
        detail=detail,
        restart=restart,
        email=refused.email,
        cookies=cookies,
        retry_after=refused.retry_after,
    )


async def switch(request: web.Request) -> web.Response:
    """``POST /login/google/switch``: sign in as the person who waits in the form, in place of the session's."""
    ticket = single(await read_form(request), ("ticket",)).get("ticket", "")
    identity = request.app[FLOW].identity
    live = await live_session(request)
    kept = await open_google_switch(identity, live, ticket)
    if kept is None:
        raise PageRefusal("switch_expired", restart=login_address())
    person, target = kept
    meta = RequestMeta(request[REQUEST_ID], live, switch_confirmed=True)
    outcome = await sign_in_by_google(identity, person, meta)
    wake_outbox(request)
    return answer_login(request, "google", outcome, target)


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.post("/login/google", start),
        web.get(CALLBACK_PATH, come_back, allow_head=False),
        web.post("/login/google/switch", switch),
    ]
