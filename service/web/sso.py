"""The two addresses that a customer puts into Okta: initiate and callback."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

import structlog
from aiohttp import web
from multidict import MultiDict, istr

from projections.connection import load_connection
from service.identity.admission import admit
from service.identity.resources import RequestMeta
from service.identity.session_values import LiveSession
from service.identity.sessions import live_session
from service.identity.switch import seal_switch
from service.keys import CLIENT_IP, METRICS, REQUEST_ID
from service.login.attempt import Attempt
from service.login.beginning import Begun
from service.login.callback import PARAMETERS, SWITCHED, Proven
from service.login.outcome import Refused
from service.login.own_credentials import switched_away
from service.login.returned import AlreadyUsed
from service.web.flow import FLOW, Flow
from service.web.form import read_form, single
from service.web.front.rate_limit import SIGN_IN_LIMITS
from service.web.invitation import clicked_invitation
from service.web.pages import PAGES
from service.web.redirect import Redirect
from service.web.refusal import PageRefusal
from service.web.sign_in_page import answer_outcome, page_of, record_refusal, restart_address, seconds
from service.web.ways_out import WAYS_OUT

log = structlog.get_logger("sso")

ASKED: Final = ("iss", "login_hint", "target_link_uri")
LARGEST_INITIATE: Final = 16 * 1024
FETCH_AHEAD: Final = (istr("Sec-Purpose"), istr("Purpose"), istr("X-Moz"))
_COOKIE: Final = istr("Cookie")


def fetched_ahead(request: web.Request) -> bool:
    """Whether the browser only fetches in advance what the person may never open (Fetch, ``Sec-Purpose``)."""
    headers = request.headers
    for name in FETCH_AHEAD:  # noqa: SIM110 - a generator costs more than it looks, on a path that is called so often
        if name in headers and "prefetch" in headers[name]:
            return True
    return False


async def look_at_initiate(_request: web.Request) -> web.Response:
    """``HEAD /api/sso/initiate/{slug}``: an answer that changes nothing, the same for every slug."""
    return web.Response(status=204)


async def initiate(request: web.Request) -> web.StreamResponse:
    """``GET|POST /api/sso/initiate/{slug}``: to the workspace's provider (OIDC Core 4)."""
    if fetched_ahead(request):
        return web.Response(status=204)
    slug, app = request.match_info["slug"], request.app
    asked: Mapping[str, str] = {}
    if request.method == "POST" or request.rel_url.raw_query_string:
        asked = await _asked(request, slug)
    begun = await app[FLOW].initiate.begin(
        slug,
        iss=asked.get("iss"),
        login_hint=asked.get("login_hint"),
        target=asked.get("target_link_uri"),
        cookie_header=request.headers.get(_COOKIE, ""),
    )
    metrics = app[METRICS]
    if isinstance(begun, Begun):
        metrics.begun()
        return Redirect(
            app[PAGES].headers.redirects,
            303 if request.method == "POST" else 302,
            begun.location,
            begun.cookies,
            request[REQUEST_ID],
        )
    metrics.not_begun(begun.reason)
    record_refusal(request, slug, begun, "okta" if "iss" in asked else "app")
    raise page_of(slug, begun, [])


async def _asked(request: web.Request, slug: str) -> Mapping[str, str]:
    try:
        if request.method == "POST":
            fields = await read_form(request, LARGEST_INITIATE)
            fields.extend(request.query)
            return single(fields, ASKED)
        return single(request.query, ASKED)
    except PageRefusal as refusal:
        record_refusal(request, slug, Refused("provider_error", refusal.reason), None)
        raise


async def callback(request: web.Request) -> web.StreamResponse:
    """``GET|POST /api/sso/callback/{slug}``: the provider's answer, as a query or as a posted form."""
    slug = request.match_info["slug"]
    flow = request.app[FLOW]
    cookie_header = request.headers.get("Cookie", "")
    fields = await _answer_fields(request, slug)
    if request.method == "POST" and _came_without_cookies(flow, fields, cookie_header):
        return _once_more_by_get(request, fields)
    answer = await flow.callback.answer(slug, fields, cookie_header)
    if isinstance(answer, AlreadyUsed):
        return await _used(request, slug, answer)
    if isinstance(answer, Refused):
        _count(request, answer)
        # A test's cookie stays: whoever reloads the page of its outcome is led back to where it began.
        cookies = [flow.cookies.drop(fields["state"])] if answer.spent and answer.tested is None else []
        record_refusal(request, slug, answer, None)
        if answer.detail == SWITCHED:
            return _once_more(request, slug, answer.target)
        raise page_of(slug, answer, cookies)
    return await _admit(request, answer)


def _count(request: web.Request, refused: Refused) -> None:
    """Have a rejected code cost more than a request, and end here what has to wait: no attempt has ended by that."""
    if refused.reason == "rate_limited":
        raise PageRefusal(refused.reason, retry_after=refused.retry_after)
    if refused.spent and refused.reason == "code_rejected":
        request.app[SIGN_IN_LIMITS].rejected(request[CLIENT_IP])


async def _answer_fields(request: web.Request, slug: str) -> Mapping[str, str]:
    try:
        posted = request.method == "POST"
        fields: MultiDict[str] = await read_form(request) if posted else MultiDict(request.query)
        return single(fields, PARAMETERS, never_together=("code", "error"))
    except PageRefusal as refusal:
        record_refusal(request, slug, Refused("provider_error", refusal.reason), None)
        refusal.restart, refusal.slug = restart_address(slug, None), slug
        raise


def _came_without_cookies(flow: Flow, fields: Mapping[str, str], cookie_header: str) -> bool:
    sent, _ = flow.cookies.find(cookie_header, fields.get("state", ""))
    return not sent and "state" in fields and ("code" in fields or "error" in fields)


def _once_more_by_get(request: web.Request, fields: Mapping[str, str]) -> web.Response:
    """Send the browser round by GET, which brings the cookie that ``SameSite=Lax`` holds back from a foreign POST.

    Nothing becomes possible that a provider's redirect with a query does not do anyway, no script is needed, and the
    attempt's cookie stays out of every request that another site makes this browser post.
    """
    kept = {name: fields[name] for name in PARAMETERS if name in fields and name != "id_token"}
    # As it was asked for: decoded, the path could hold line breaks, or lead out of the callback.
    return web.Response(status=303, headers={"Location": f"{request.rel_url.raw_path}?{urlencode(kept)}"})


async def _used(request: web.Request, slug: str, used: AlreadyUsed) -> web.Response:
    """Go on to the application if this browser holds the session that the attempt led to; else explain."""
    if used.test and used.target is not None:
        return web.Response(status=303, headers={"Location": used.target})
    live = await live_session(request)
    flow = request.app[FLOW]
    made = live.authentications if live is not None else ()
    if any(one.workspace == slug and one.method == "sso" and seconds(one.at) >= used.started_at for one in made):
        return web.Response(status=303, headers={"Location": flow.targets.landing(used.target)})
    refused = Refused("attempt_used", "spent", target=used.target)
    record_refusal(request, slug, refused, None)
    raise page_of(slug, refused, [])


async def _admit(request: web.Request, proven: Proven) -> web.StreamResponse:
    flow, attempt = request.app[FLOW], proven.attempt
    test, live = attempt.kind == "test", await live_session(request)
    if not test:
        await request.app[WAYS_OUT].algorithms.learn(attempt.slug, attempt.credentials_id, proven.person.alg)
    clicked = None if test else clicked_invitation(request)
    meta = RequestMeta(request_id=request[REQUEST_ID], session=live, test=test, clicked=clicked)
    outcome = await admit(flow.identity, attempt.slug, attempt, proven.person, meta, proven.connection)
    request.app[METRICS].signed_in(outcome.reason)
    if outcome.detail == "credentials_replaced" and await _overtaken(request, attempt):
        response: web.StreamResponse = _once_more(request, attempt.slug, attempt.target)
    elif test and outcome.status == "refused":
        refused = Refused(outcome.reason, outcome.detail, email=outcome.email, target=attempt.target)
        page = page_of(attempt.slug, replace(refused, tested=attempt.credentials_id), [])
        response = request.app[PAGES].refuse(request, page)
    elif outcome.status == "confirm_switch" and live is not None:
        response = _ask_to_switch(request, proven, live)
    else:
        response = answer_outcome(request, attempt.slug, attempt.target, outcome)
    if not test:
        response.headers.add("Set-Cookie", flow.cookies.drop(attempt.state))
    return response


async def _overtaken(request: web.Request, attempt: Attempt) -> bool:
    """Whether a promotion or a rollback came in between the exchange of the code and the admission."""
    pool = request.app[FLOW].identity.pool
    connection = await load_connection(pool, attempt.slug)
    return connection is not None and await switched_away(pool, connection, attempt)


def _once_more(request: web.Request, slug: str, target: str | None) -> web.StreamResponse:
    """Send a sign-in that a switch overtook through the credentials now in use: nobody has to read why.

    It cannot go round for ever: each time takes another promotion or rollback.
    """
    headers = request.app[PAGES].headers.redirects
    return Redirect(headers, 303, restart_address(slug, target), [], request[REQUEST_ID])


def _ask_to_switch(request: web.Request, proven: Proven, live: LiveSession) -> web.Response:
    identity, attempt, person = request.app[FLOW].identity, proven.attempt, proven.person
    return request.app[PAGES].render(
        request,
        "switch",
        newcomer=person.email,
        current=next((one.email for one in reversed(live.authentications) if one.email), None),
        ticket=seal_switch(identity, live, attempt.slug, attempt, person, attempt.target),
    )


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.head("/api/sso/initiate/{slug}", look_at_initiate),
        web.get("/api/sso/initiate/{slug}", initiate, allow_head=False),
        web.post("/api/sso/initiate/{slug}", initiate),
        web.get("/api/sso/callback/{slug}", callback, allow_head=False),
        web.post("/api/sso/callback/{slug}", callback),
    ]
