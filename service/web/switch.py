"""Changing from one person's session to another's: only by a confirming form of our own."""

from aiohttp import web

from service.identity.admission import admit
from service.identity.resources import RequestMeta
from service.identity.sessions import live_session
from service.identity.switch import open_switch
from service.keys import METRICS, REQUEST_ID
from service.web.flow import FLOW
from service.web.form import read_form, single
from service.web.invitation import clicked_invitation
from service.web.refusal import PageRefusal
from service.web.sign_in_page import answer_outcome


async def switch(request: web.Request) -> web.StreamResponse:
    """``POST /sign-in/switch``: sign in as the person who waits in the form, in place of the session's."""
    ticket = single(await read_form(request), ("ticket",)).get("ticket", "")
    identity = request.app[FLOW].identity
    live = await live_session(request)
    kept = await open_switch(identity, live, ticket)
    if kept is None:
        raise PageRefusal("switch_expired")
    clicked = clicked_invitation(request)
    meta = RequestMeta(request_id=request[REQUEST_ID], session=live, switch_confirmed=True, clicked=clicked)
    outcome = await admit(identity, kept.slug, kept, kept.person, meta)
    request.app[METRICS].signed_in(outcome.reason)
    return answer_outcome(request, kept.slug, kept.target, outcome)


def routes() -> list[web.RouteDef]:
    """The route of this module."""
    return [web.post("/sign-in/switch", switch)]
