"""The two addresses at which a provider tells that a session there has ended: posted to, or shown in a frame."""

from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from multidict import CIMultiDict

from events.workspace_values import Credentials
from service.keys import CLIENT_IP, CLOCK, METRICS, RELYING_PARTY
from service.login.ended_by_provider import Ended, NotEnded
from service.web.form import read_form, single
from service.web.headers import POLICY_HEADER
from service.web.pages import PAGES
from service.web.refusal import PageRefusal
from service.web.ways_out import WAYS_OUT

log = structlog.get_logger("logout")

LARGEST_POST: Final = 96 * 1024
_FRAMED: Final = "<!doctype html><title>Signed out</title>"


async def end_by_token(request: web.Request) -> web.Response:
    """``POST /api/sso/backchannel-logout/{slug}``: a logout token (OpenID Connect Back-Channel Logout 2.5 to 2.8)."""
    slug = request.match_info["slug"]
    ways = request.app[WAYS_OUT]
    ways.posts.check(request[CLIENT_IP])
    try:
        fields = single(await read_form(request, LARGEST_POST), ("logout_token",))
    except PageRefusal as refusal:
        if refusal.reason != "request_malformed":
            raise
        fields = {}
    token = fields.get("logout_token")
    outcome = NotEnded("token_missing") if token is None else await ways.by_provider.by_token(slug, token)
    _tell(request, slug, "backchannel", outcome)
    return _refuse() if isinstance(outcome, NotEnded) else web.Response(status=200)


async def end_by_frame(request: web.Request) -> web.Response:
    """``GET /api/sso/frontchannel-logout/{slug}?iss=&sid=``: in the provider's frame (Front-Channel Logout 1.0, 2).

    No cookie of ours comes along into another site's frame, so ``sid`` alone says which session it is about.
    """
    slug = request.match_info["slug"]
    ways = request.app[WAYS_OUT]
    ways.visits.check(request[CLIENT_IP])
    asked = single(request.query, ("iss", "sid"))
    outcome = await ways.by_provider.by_frame(slug, asked.get("iss"), asked.get("sid"))
    headers = CIMultiDict(request.app[PAGES].headers.redirect)
    _tell(request, slug, "frontchannel", outcome)
    if isinstance(outcome, NotEnded):
        return web.Response(status=400, text=_FRAMED, content_type="text/html", headers=headers)
    credentials = await ways.by_provider.credentials(slug)
    if credentials is not None:
        del headers["X-Frame-Options"]
        headers[POLICY_HEADER] = f"default-src 'none'; frame-ancestors {_origins(request, credentials)}"
    return web.Response(text=_FRAMED, content_type="text/html", headers=headers)


def _origins(request: web.Request, credentials: Credentials) -> str:
    """Return where the provider's own pages are: at its issuer, and where its sign-out is."""
    addresses = [credentials.issuer]
    metadata = request.app[RELYING_PARTY].at_hand(credentials.issuer, request.app[CLOCK]().timestamp())
    if metadata is not None and metadata.end_session_endpoint is not None:
        addresses.append(metadata.end_session_endpoint)
    parts = [urlsplit(address) for address in addresses]
    return " ".join(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts))


def _tell(request: web.Request, slug: str, channel: str, outcome: Ended | NotEnded) -> None:
    if isinstance(outcome, NotEnded):
        request.app[METRICS].logged_out(channel, "refused")
        log.warning("provider_logout_refused", workspace=slug[:64], channel=channel, detail=outcome.detail)
    else:
        request.app[METRICS].logged_out(channel, "ended" if outcome.sessions else "nothing_open")
        log.info("provider_logout", workspace=slug, channel=channel, sessions=outcome.sessions)


def _refuse() -> web.Response:
    """Answer as RFC 6749 5.2 does. Why is in the log: the answer would tell strangers which workspaces there are."""
    sentence = "This is no logout token of the provider that this address belongs to. The service's log says why."
    return web.json_response({"error": "invalid_request", "error_description": sentence}, status=400)


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.post("/api/sso/backchannel-logout/{slug}", end_by_token),
        web.get("/api/sso/frontchannel-logout/{slug}", end_by_frame, allow_head=False),
    ]
