"""What is done at a desk: the forms of its page, each of them an action that is that desk's or is not there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from events.refusals import Refusal
from events.workspace import Workspace
from service.commands.proposals import Emission, read_changes
from service.keys import COMMANDS, METRICS, REQUEST_ID
from service.login.beginning import Begun
from service.web.desk import Desk, committed, show_desk
from service.web.flow import FLOW
from service.web.form import read_form, single
from service.web.pages import PAGES
from service.web.preflight import sentence_of
from service.web.redirect import Redirect
from service.web.refusal import PageRefusal
from service.web.requirement import read_minutes, read_reason
from service.web.sign_in_page import page_of, record_refusal

TYPED: Final = ("okta_domain", "issuer", "client_id", "client_secret")
EXPLAINED: Final = ("reason", "confirm_within")
KEPT: Final[tuple[str, ...]] = ("okta_domain", "issuer", "client_id", *EXPLAINED)
LONGEST_TYPED: Final = 2048
ELSEWHERE: Final = (
    "That form was of another workspace, whose link this browser opened before. Nothing was changed in either of them."
)
"""A browser holds one set-up or recovery session: a page from before must not send one customer's secret to another."""


@dataclass(frozen=True, slots=True)
class _Asked:
    request: web.Request
    desk: Desk
    workspace: Workspace
    fields: dict[str, str] = field(repr=False)


def desk_routes(address: str, desk_of: Callable[[web.Request], Awaitable[Desk]]) -> list[web.RouteDef]:
    """Return the routes of a desk: its page, and the actions below it.

    ``desk_of`` finds out whose desk it is and raises ``PageRefusal`` where the request's sender has none.
    """

    async def show(request: web.Request) -> web.StreamResponse:
        return await show_desk(request, await desk_of(request))

    async def act(request: web.Request) -> web.StreamResponse:
        # Before it is judged who sits there: a form takes as long to come in as its sender likes, and what somebody may
        # do can end meanwhile.
        fields = single(await read_form(request), (*TYPED, *EXPLAINED, "credentials", "workspace"))
        return await _act(request, await desk_of(request), fields)

    return [web.get(address, show), web.post(f"{address}/{{action}}", act)]


async def _act(request: web.Request, desk: Desk, fields: dict[str, str]) -> web.StreamResponse:
    action = request.match_info["action"]
    if action not in desk.may:
        raise PageRefusal("not_found")
    if fields.get("workspace", desk.slug) != desk.slug:
        return await show_desk(request, desk, problem=ELSEWHERE)
    return await _ACTIONS[action](_Asked(request, desk, await committed(request, desk), fields))


async def _test(asked: _Asked) -> web.StreamResponse:
    request, desk, workspace = asked.request, asked.desk, asked.workspace
    # Active credentials are tested before SSO is on; then each sign-in tests them.
    candidates = [one for one in (workspace.staged, workspace.credentials) if one is not None]
    chosen = next((one for one in candidates if one.credentials_id == asked.fields.get("credentials")), None)
    if chosen is None:
        return await show_desk(request, desk, problem="These credentials are not in use any more. Test those below.")
    begun = await request.app[FLOW].trials.begin(desk.slug, chosen, desk.base, request.headers.get("Cookie", ""))
    if isinstance(begun, Begun):
        request.app[METRICS].begun()
        headers = request.app[PAGES].headers.redirects
        return Redirect(headers, 303, begun.location, begun.cookies, request[REQUEST_ID])
    record_refusal(request, desk.slug, begun, "test")
    raise page_of(desk.slug, begun, [])


async def _stage(asked: _Asked) -> web.StreamResponse:
    data = {name: value for name in TYPED if (value := asked.fields.get(name, "").strip())}
    if "client_id" not in data or "client_secret" not in data:
        return await _again(asked, "Enter the client ID and the client secret.")
    if ("okta_domain" in data) == ("issuer" in data):
        return await _again(asked, "Enter the Okta domain; or, for another provider, its issuer. Not both.")
    return await _change(asked, "CredentialsStaged", data)


async def _promote(asked: _Asked) -> web.StreamResponse:
    return await _change(asked, "CredentialsPromoted", {"credentials_id": asked.fields.get("credentials", "")})


async def _roll_back(asked: _Asked) -> web.StreamResponse:
    return await _change(asked, "CredentialsRolledBack", {})


async def _switch_on(asked: _Asked) -> web.StreamResponse:
    return await _change(asked, "SsoEnabled", {})


async def _require(asked: _Asked) -> web.StreamResponse:
    try:
        data, reason = read_minutes(asked.fields.get("confirm_within", "")), _reason(asked)
    except ValueError as wrong:
        return await _again(asked, str(wrong))
    # A session that single sign-on did not make opens nothing of this from now on: it is sent through it.
    following = f"{asked.desk.base}#requiring" if asked.desk.by_sso else f"/open/{asked.desk.slug}"
    return await _change(asked, "EnforcementEnabled", data, reason, following)


async def _lift(asked: _Asked) -> web.StreamResponse:
    try:
        reason = _reason(asked)
    except ValueError as wrong:
        return await _again(asked, str(wrong))
    # Back to where it can be required again; at a recovery nothing is left to be shown there.
    following = f"{asked.desk.base}#requiring" if "require" in asked.desk.may else asked.desk.base
    return await _change(asked, "EnforcementDisabled", {}, reason, following)


def _reason(asked: _Asked) -> str | None:
    return read_reason(asked.fields.get("reason", ""))


async def _change(
    asked: _Asked, type_: str, data: dict[str, Any], reason: str | None = None, following: str | None = None
) -> web.StreamResponse:
    if asked.desk.asker.role == "recovery":
        reason = "by the recovery page"
    try:
        changes = read_changes([Emission(type=type_, data=data, reason=reason)], listed=False)
        await asked.request.app[COMMANDS].execute(asked.desk.slug, changes, asked.desk.asker)
    except Refusal as refusal:
        return await _again(asked, sentence_of(refusal))
    return web.Response(status=303, headers={"Location": following or asked.desk.base})


async def _again(asked: _Asked, problem: str) -> web.StreamResponse:
    typed = {name: asked.fields[name][:LONGEST_TYPED] for name in KEPT if name in asked.fields}
    return await show_desk(asked.request, asked.desk, problem=problem, typed=typed)


_ACTIONS: Final[dict[str, Callable[[_Asked], Awaitable[web.StreamResponse]]]] = {
    "test": _test,
    "stage": _stage,
    "promote": _promote,
    "roll-back": _roll_back,
    "switch-on": _switch_on,
    "require": _require,
    "lift": _lift,
}
