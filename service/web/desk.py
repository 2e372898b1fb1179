"""A desk: one page that shows how a workspace's connection stands, and lets its holder change what they may.

Who sits at it is told by ``Desk``: an owner by their session, whoever holds a set-up link, an owner by a recovery code.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from events.refusals import Refusal
from events.workspace import Workspace
from events.workspace_values import Credentials
from service.commands.asking import Asker
from service.commands.proposals import Emission, read_changes
from service.identity.read_model import read_workspace
from service.keys import COMMANDS, METRICS, POOL, REQUEST_ID, SETTINGS
from service.login.initiate import Begun, redirect_uri
from service.oidc.okta import OKTA
from service.web.flow import FLOW
from service.web.form import read_form, single
from service.web.pages import PAGES
from service.web.redirect import Redirect
from service.web.refusal import PageRefusal
from service.web.sign_in_page import page_of, record_refusal

TYPED: Final = ("okta_domain", "issuer", "client_id", "client_secret")
LONGEST_TYPED: Final = 2048
OIDC: Final = "oidc"
_LAST_TESTS: Final = """
    select distinct on (credentials_id) credentials_id, at, reason, detail, email, explanation, okta_field, request_id
    from identity.sign_ins where workspace = $1 and initiated_by = 'test' and credentials_id = any($2)
    order by credentials_id, at desc, sign_in_id desc
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """Who sits there. ``base`` is the page's address; ``may`` names the actions that are theirs."""

    slug: str
    base: str
    asker: Asker
    may: frozenset[str]
    title: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    request: web.Request
    desk: Desk
    workspace: Workspace
    fields: dict[str, str] = field(repr=False)


async def committed(request: web.Request, desk: Desk) -> Workspace:
    """Return the workspace as it stands.

    Raises:
        PageRefusal: ``workspace_unavailable`` when it is closed.
    """
    workspace = await read_workspace(request.app[POOL], desk.slug)
    if workspace is None or workspace.closed:
        raise PageRefusal("workspace_unavailable")
    return workspace


async def show_desk(
    request: web.Request, desk: Desk, *, problem: str | None = None, typed: dict[str, str] | None = None
) -> web.Response:
    """Answer with the desk's page, and with what was wrong with the form that was just posted."""
    workspace = await committed(request, desk)
    kept = [one for one in (workspace.staged, workspace.credentials) if one is not None]
    rows = await request.app[POOL].fetch(_LAST_TESTS, desk.slug, [one.credentials_id for one in kept])
    tests = {row["credentials_id"]: row for row in rows}
    public = request.app[SETTINGS].public_url
    return request.app[PAGES].render(
        request,
        "desk",
        status=200 if problem is None else 422,
        leads_out=True,
        desk=desk,
        workspace=workspace,
        credentials=[(_standing(workspace, one), one, tests.get(one.credentials_id)) for one in kept],
        missing=_missing(workspace),
        kind=_kind(kept, typed or {}),
        initiate_uri=f"{public}/api/sso/initiate/{desk.slug}",
        redirect_uri=redirect_uri(public, desk.slug),
        problem=problem,
        typed=typed or {},
    )


def _standing(workspace: Workspace, credentials: Credentials) -> str:
    return "staged" if credentials is workspace.staged else "active"


def _kind(kept: list[Credentials], typed: dict[str, str]) -> str:
    """Return in whose words the page speaks: those of the provider that was just typed, else of the present one."""
    if typed.get("issuer") and not typed.get("okta_domain"):
        return OIDC
    return kept[0].provider_kind if kept and not typed.get("okta_domain") else OKTA


def _missing(workspace: Workspace) -> list[str]:
    missing = []
    if not workspace.domains:
        missing.append("An allowed e-mail domain: support adds it.")
    if workspace.credentials is None and workspace.staged is None:
        missing.append("The client ID and secret of the app.")
    elif workspace.credentials is None and workspace.staged is not None:
        proven = workspace.staged.proven
        missing.append("Promoting the credentials." if proven else "A test sign-in through the staged credentials.")
    elif workspace.credentials is not None and not workspace.credentials.proven:
        missing.append("A test sign-in through the active credentials.")
    if not workspace.sso_enabled:
        missing.append("Switching single sign-on on: support does it, or an owner asks for it.")
    return missing


async def act_at_desk(request: web.Request, desk: Desk) -> web.StreamResponse:
    """Carry out the action that the posted address names.

    Raises:
        PageRefusal: ``not_found`` for an action that is not this desk's.
    """
    action = request.match_info["action"]
    if action not in desk.may:
        raise PageRefusal("not_found")
    fields = single(await read_form(request), (*TYPED, "credentials"))
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


async def _lift(asked: _Asked) -> web.StreamResponse:
    return await _change(asked, "EnforcementDisabled", {})


async def _change(asked: _Asked, type_: str, data: dict[str, str]) -> web.StreamResponse:
    reason = "by the recovery page" if asked.desk.asker.role == "recovery" else None
    try:
        changes = read_changes([Emission(type=type_, data=data, reason=reason)], listed=False)
        await asked.request.app[COMMANDS].execute(asked.desk.slug, changes, asked.desk.asker)
    except Refusal as refusal:
        return await _again(asked, refusal.message)
    return web.Response(status=303, headers={"Location": asked.desk.base})


async def _again(asked: _Asked, problem: str) -> web.StreamResponse:
    typed = {name: asked.fields.get(name, "")[:LONGEST_TYPED] for name in ("okta_domain", "issuer", "client_id")}
    return await show_desk(asked.request, asked.desk, problem=problem, typed=typed)


_ACTIONS: Final[dict[str, Callable[[_Asked], Awaitable[web.StreamResponse]]]] = {
    "test": _test,
    "stage": _stage,
    "promote": _promote,
    "roll-back": _roll_back,
    "lift": _lift,
}
