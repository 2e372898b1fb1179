"""Recovery by a code and a mailed click: fifteen minutes in which the connection can be repaired, and nothing else."""

from typing import Final

from aiohttp import web

from events.envelope import Actor
from service.commands.asking import Asker
from service.identity.addresses import read_address
from service.identity.recovery import MAIL_LASTS, find_recovery, request_recovery, use_recovery
from service.keys import CLIENT_IP, IDENTITY, METRICS, REQUEST_ID
from service.login.slug import LONGEST_SLUG, is_slug
from service.web.desk import Desk
from service.web.desk_actions import desk_routes
from service.web.form import read_form, single
from service.web.limited_cookie import keep_limited, limited_session
from service.web.login_end import record_login_refusal
from service.web.login_link import MAIL_LIMIT, wake_outbox
from service.web.pages import PAGES
from service.web.refusal import PageRefusal

MAY: Final = frozenset({"stage", "test", "promote", "lift"})
LONGEST_CODE: Final = 40
_STILL_OWNER: Final = """
    select true from identity.members
    where workspace = $1 and member_id = $2 and role = 'owner' and status = 'active'
"""


async def show_form(request: web.Request) -> web.Response:
    """``GET /recovery``."""
    return _form(request, "", "")


def _form(request: web.Request, workspace: str, email: str, problem: str | None = None) -> web.Response:
    status = 200 if problem is None else 422
    return request.app[PAGES].render(
        request, "recovery", status=status, workspace=workspace, email=email, problem=problem
    )


async def ask(request: web.Request) -> web.Response:
    """``POST /recovery``: the same answer, after the same work, whatever was typed."""
    fields = single(await read_form(request), ("workspace", "email", "code"))
    slug = fields.get("workspace", "").strip().lower()
    typed, code = fields.get("email", "").strip(), fields.get("code", "").strip()
    address = read_address(typed)
    if not is_slug(slug) or address is None or not 0 < len(code) <= LONGEST_CODE:
        problem = "Enter the workspace’s short name, your e-mail address and one of your codes."
        return _form(request, slug[:LONGEST_SLUG], typed[:254], problem)
    request.app[MAIL_LIMIT].check(request[CLIENT_IP])
    if not await request_recovery(request.app[IDENTITY], slug, address, code):
        raise PageRefusal("rate_limited", retry_after=int(MAIL_LASTS.total_seconds()), restart="/recovery")
    wake_outbox(request)
    minutes = int(MAIL_LASTS.total_seconds() // 60)
    return request.app[PAGES].render(request, "recovery_mail", email=address.display, minutes=minutes)


async def show_link(request: web.Request) -> web.Response:
    """``GET /recovery/{token}``: a button. A mail scanner that opens it spends nothing."""
    found = await find_recovery(request.app[IDENTITY], request.match_info["token"])
    if found is None:
        raise PageRefusal("link_invalid", detail="recovery", restart="/recovery")
    return request.app[PAGES].render(request, "recovery_link", workspace=found.workspace_name)


async def use_link(request: web.Request) -> web.Response:
    """``POST /recovery/{token}``: spend the code and begin."""
    begun = await use_recovery(request.app[IDENTITY], request.match_info["token"], request[REQUEST_ID])
    if begun is None:
        record_login_refusal(request, "recovery", "attempt_missing", "recovery")
        raise PageRefusal("link_invalid", detail="recovery", restart="/recovery")
    request.app[METRICS].signed_in("ok")
    response = web.Response(status=303, headers={"Location": "/recovery/desk"})
    keep_limited(request, response, *begun)
    return response


async def _desk(request: web.Request) -> Desk:
    session = await limited_session(request, "recovery")
    pool = request.app[IDENTITY].pool
    if session is None or not await pool.fetchval(_STILL_OWNER, session.workspace, session.holder):
        raise PageRefusal("link_invalid", detail="recovery", restart="/recovery")
    asker = Asker(Actor("member", str(session.holder)), request[REQUEST_ID], "recovery")
    until = session.expires_at.strftime("%-d %B %Y, %H:%M UTC")
    return Desk(session.workspace, "/recovery/desk", asker, MAY, "Repair single sign-on", until)


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [
        web.get("/recovery", show_form),
        web.post("/recovery", ask),
        *desk_routes("/recovery/desk", _desk),
        web.get("/recovery/{token}", show_link),
        web.post("/recovery/{token}", use_link),
    ]
