"""Accepting an invitation: the mailed address shows who invites to what and a button; its POST, and nothing else, acts.

Where the invitee signs in by SSO, the POST notes the click in a cookie and leads on to the provider; elsewhere it signs
in by itself.
"""

from typing import Final
from urllib.parse import quote, urlencode
from uuid import UUID

from aiohttp import web

from service.identity.acceptance import Acceptance, accept_invitation, is_somebody_else
from service.identity.invitation_click import LIFETIME, read_click, seal_click
from service.identity.mailed_invitation import MailedInvitation, find_mailed_invitation
from service.identity.read_model import UnusableReadModel
from service.identity.resources import RequestMeta
from service.identity.sessions import live_session, start_session
from service.keys import IDENTITY, METRICS, REQUEST_ID, SETTINGS
from service.web.flow import FLOW
from service.web.form import read_form, single
from service.web.pages import PAGES
from service.web.refusal import PageRefusal
from service.web.sign_in_page import restart_address

COOKIE: Final = "keyledger-invitation"
CONFIRMED: Final = "instead"
"""The form's field that says: sign in as the invitee, in place of whoever is signed in here."""


async def show_invitation(request: web.Request) -> web.Response:
    """``GET /invitation/{token}``: who invites to what, and a button. A mail scanner that opens it changes nothing."""
    identity = request.app[IDENTITY]
    try:
        found = await find_mailed_invitation(identity.pool, request.match_info["token"], identity.clock())
    except UnusableReadModel:
        raise PageRefusal("workspace_unavailable") from None
    if found is None:
        raise PageRefusal("link_invalid", detail="invitation")
    if found.standing != "open":
        raise PageRefusal("invitation_required", detail=f"invitation_{found.standing}", restart=_sign_in(found))
    if not found.reachable:
        raise PageRefusal("domain_not_allowed", detail="invited_outside_domains", email=found.address.display)
    return await _page(request, found)


async def _page(request: web.Request, found: MailedInvitation, status: int = 200) -> web.Response:
    live = await live_session(request)
    other = not found.by_sso and await is_somebody_else(request.app[IDENTITY].pool, live, found)
    current = next((one.email for one in reversed(live.authentications) if one.email), "") if live is not None else ""
    return request.app[PAGES].render(
        request,
        "invitation",
        status=status,
        leads_out=found.by_sso,
        workspace=found.workspace.name,
        inviter=found.inviter,
        email=found.address.display,
        role=found.role,
        websites=found.websites,
        expires_at=found.expires_at,
        by_sso=found.by_sso,
        other=other,
        current=current,
        confirmed=CONFIRMED,
    )


async def accept(request: web.Request) -> web.StreamResponse:
    """``POST /invitation/{token}``: accept."""
    fields = single(await read_form(request), (CONFIRMED,))
    meta = RequestMeta(
        request_id=request[REQUEST_ID],
        session=await live_session(request),
        switch_confirmed=fields.get(CONFIRMED) == "yes",
    )
    done = await accept_invitation(request.app[IDENTITY], request.match_info["token"], meta)
    if done.status not in {"by_sso", "unknown"}:
        request.app[METRICS].signed_in(done.reason)
    return await _answer(request, done)


async def _answer(request: web.Request, done: Acceptance) -> web.StreamResponse:
    found = done.invitation
    if done.status == "signed_in" and done.session is not None:
        start_session(request, done.session)
        return web.Response(status=303, headers={"Location": request.app[FLOW].targets.landing(None)})
    if done.status == "by_sso" and found is not None:
        return _to_provider(request, found)
    if done.status == "confirm_switch" and found is not None:
        return await _page(request, found, 409)
    if done.status == "unknown":
        raise PageRefusal("link_invalid", detail="invitation")
    email, restart = (None, None) if found is None else (found.address.display, _sign_in(found))
    raise PageRefusal(done.reason, detail=done.detail, email=email, restart=restart)


def _sign_in(found: MailedInvitation) -> str | None:
    """Where somebody signs in whose invitation was accepted before; nobody else has anything to start again here."""
    if found.standing != "accepted":
        return None
    return restart_address(found.workspace.slug, None) if found.by_sso else "/login"


def _to_provider(request: web.Request, found: MailedInvitation) -> web.Response:
    identity = request.app[IDENTITY]
    slug, hint = found.workspace.slug, urlencode({"login_hint": found.address.display})
    response = web.Response(status=303, headers={"Location": f"/api/sso/initiate/{quote(slug, safe='')}?{hint}"})
    note = seal_click(identity.box, found.invitation_id, identity.clock())
    secure = request.app[SETTINGS].secure_cookies
    flags = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
    cookie = f"{_cookie_name(request)}={note}; Max-Age={int(LIFETIME.total_seconds())}{flags}"
    response.headers.add("Set-Cookie", cookie)
    return response


def clicked_invitation(request: web.Request) -> UUID | None:
    """Return the invitation whose mailed link was clicked in this browser shortly before, if one was."""
    identity = request.app[IDENTITY]
    return read_click(identity.box, request.cookies.get(_cookie_name(request)), identity.clock())


def _cookie_name(request: web.Request) -> str:
    return f"__Host-{COOKIE}" if request.app[SETTINGS].secure_cookies else COOKIE


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [web.get("/invitation/{token}", show_invitation), web.post("/invitation/{token}", accept)]
