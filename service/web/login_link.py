"""Magic links: asking for one, and using one by the button on its page."""

from typing import Final

from aiohttp import web

from service.identity.magic_link import find_magic_link, request_magic_link
from service.identity.mailbox import sign_in_by_magic_link
from service.identity.outcome import Outcome
from service.identity.resources import RequestMeta
from service.identity.sessions import live_session
from service.keys import CLIENT_IP, METRICS, OUTBOX, REQUEST_ID
from service.web.flow import FLOW
from service.web.form import read_form, single
from service.web.front.rate_limit import MailLimit
from service.web.login_end import answer_login, record_login_refusal, show_mail_sent
from service.web.login_fields import NO_ADDRESS, login_address, posted_fields
from service.web.pages import PAGES
from service.web.refusal import PageRefusal

MAIL_LIMIT: Final[web.AppKey[MailLimit]] = web.AppKey("mail_limit")
_LOGGED: Final = {"used": "attempt_used", "ended": "attempt_expired", "unknown": "attempt_missing"}


async def ask_for_link(request: web.Request) -> web.Response:
    """``POST /login/magic-link {email}``: the same answer, after the same work, whoever the address belongs to."""
    fields = await posted_fields(request)
    if fields.address is None:
        page = request.app[PAGES].render
        return page(
            request,
            "login",
            status=422,
            leads_out=True,
            email=fields.typed,
            target=fields.target,
            problem=NO_ADDRESS,
            offers=(),
        )
    request.app[MAIL_LIMIT].check(request[CLIENT_IP])
    wait = await request_magic_link(request.app[FLOW].identity, fields.address, fields.target)
    if wait:
        raise PageRefusal("rate_limited", detail="links", retry_after=wait, restart=fields.start)
    wake_outbox(request)
    return show_mail_sent(request, fields.address.display, fields.target)


def wake_outbox(request: web.Request) -> None:
    """Have the mail go out now: somebody waits for it."""
    outbox = request.app.get(OUTBOX)
    if outbox is not None:
        outbox.wake()


async def show_link(request: web.Request) -> web.Response:
    """``GET /login/magic-link/{token}``: who it signs in, and a button. Opening it changes nothing."""
    link = await find_magic_link(request.app[FLOW].identity, request.match_info["token"])
    if link is None or link.state != "open":
        raise _worthless("unknown" if link is None else link.state)
    return request.app[PAGES].render(
        request, "login_link", email=link.address.display, confirms=link.confirms is not None
    )


async def use_link(request: web.Request) -> web.Response:
    """``POST /login/magic-link/{token}``: sign in. Works once."""
    token = request.match_info["token"]
    confirmed = single(await read_form(request), ("switch",)).get("switch") == "yes"
    live = await live_session(request)
    meta = RequestMeta(request_id=request[REQUEST_ID], session=live, switch_confirmed=confirmed)
    identity = request.app[FLOW].identity
    outcome = await sign_in_by_magic_link(identity, token, meta)
    if not isinstance(outcome, Outcome):
        record_login_refusal(request, "magic_link", _LOGGED[outcome], "magic_link")
        raise _worthless(outcome)
    if outcome.status == "confirm_switch" and live is not None:
        request.app[METRICS].signed_in(outcome.reason)
        current = next((one.email for one in reversed(live.authentications) if one.email), None)
        return request.app[PAGES].render(
            request, "login_switch", newcomer=outcome.email, current=current, action=request.path, ticket=None
        )
    link = await find_magic_link(identity, token)
    return answer_login(request, "magic_link", outcome, None if link is None else link.target)


def _worthless(state: str) -> PageRefusal:
    return PageRefusal("link_used" if state == "used" else "link_invalid", detail="sign_in", restart=login_address())


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.post("/login/magic-link", ask_for_link),
        web.get("/login/magic-link/{token}", show_link),
        web.post("/login/magic-link/{token}", use_link),
    ]
