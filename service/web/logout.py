"""Signing out: the session here ends, then the one at the provider where the workspace wants that; and the way back."""

from typing import Final

from aiohttp import web

from service.identity.session_values import LiveSession
from service.identity.sessions import live_session
from service.keys import CLIENT_IP, METRICS
from service.login.slug import is_slug
from service.web.pages import PAGES
from service.web.refusal import PageRefusal
from service.web.ways_out import WAYS_OUT

SIGNED_IN_ELSEWHERE: Final = frozenset({"sso", "google"})


async def answer_sign_out(request: web.Request, ended: LiveSession | None, *, everywhere: bool) -> web.Response:
    """Answer a sign-out whose session has ended: on to its provider, or the page that says so."""
    if ended is not None:
        leading_out = await request.app[WAYS_OUT].to_provider.begin(ended.authentications)
        if leading_out is not None:
            request.app[METRICS].logged_out("rp_initiated", "begun")
            answer = web.Response(status=303, headers={"Location": leading_out.location})
            answer.headers.add("Set-Cookie", leading_out.cookie)
            return answer
    by_user = ended is None or ended.proves_user
    return request.app[PAGES].render(
        request,
        "signed_out",
        everywhere=everywhere and by_user,
        by_sso=everywhere and not by_user,
        elsewhere=ended is None or any(one.method in SIGNED_IN_ELSEWHERE for one in ended.authentications),
    )


def leads_out(session: LiveSession) -> bool:
    """Whether signing out of this session may lead to a provider, so that the page's policy has to allow it."""
    return any(one.hint is not None for one in session.authentications)


async def show_signed_out(request: web.Request) -> web.Response:
    """``GET /api/sso/signed-out/{slug}``: back from the provider (OpenID Connect RP-Initiated Logout 3).

    Shows how things stand and changes nothing, whoever sends the browser here and with whatever state.
    """
    slug = request.match_info["slug"]
    ways = request.app[WAYS_OUT]
    ways.visits.check(request[CLIENT_IP])
    if not is_slug(slug):
        raise PageRefusal("workspace_unavailable")
    states = request.query.getall("state", [])
    came_back = ways.to_provider.came_back(slug, states[0] if len(states) == 1 else None, request.cookies)
    live = await live_session(request)
    answer = request.app[PAGES].render(request, "back_from_provider", live=live is not None, at_provider=came_back)
    if came_back:
        request.app[METRICS].logged_out("rp_initiated", "returned")
        answer.headers.add("Set-Cookie", ways.to_provider.dropped())
    return answer


def routes() -> list[web.RouteDef]:
    """The route of this module."""
    return [web.get("/api/sso/signed-out/{slug}", show_signed_out)]
