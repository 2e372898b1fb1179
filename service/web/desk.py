"""A desk: one page that shows how a workspace's connection stands, and lets its holder change what they may.

Who sits at it is told by ``Desk``: an owner by their session, whoever holds a set-up link, an owner by a recovery code.
"""

from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import web

from events.workspace import Workspace
from events.workspace_values import Credentials
from service.commands.asking import Asker
from service.commands.assessment import Assessment, assess
from service.errors import WorkspaceUnknown
from service.identity.read_model import read_workspace
from service.keys import CLOCK, COMMANDS, POOL, SETTINGS
from service.login.initiate import redirect_uri
from service.oidc.okta import OKTA
from service.web.form import single
from service.web.pages import PAGES
from service.web.preflight import Preflight, preflight, told
from service.web.refusal import PageRefusal
from service.web.requirement import USUAL_MINUTES, Requirement, find_requirement
from service.web.sign_in_page import restart_address

OIDC: Final = "oidc"
_LAST_TESTS: Final = """
    select distinct on (credentials_id) * from (
        select credentials_id, at, reason, email, explanation, request_id, sign_in_id
        from identity.sign_ins where workspace = $1 and initiated_by = 'test' and credentials_id = any($2)
        union all
        select credentials_id, at, reason, null, null, null, null
        from identity.removed_tests where workspace = $1 and credentials_id = any($2)
    ) tests order by credentials_id, at desc, sign_in_id desc nulls last
"""
"""Of one whose row in the log was removed it is still known when it was and how it ended."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Who sits there.

    Attributes:
        base: the page's address.
        may: the actions that are theirs.
        people: whether they read by name whom requiring single sign-on would affect, how many those are, or neither.
        by_sso: whether the session that they came with stays open once single sign-on is required.
    """

    slug: str
    base: str
    asker: Asker
    may: frozenset[str]
    title: str
    until: str | None = None
    people: Literal["named", "counted", "untold"] = "untold"
    by_sso: bool = True


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
    found = await _assessed(request, desk)
    workspace = found.workspace
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
        missing=_missing(found),
        ready_for_sso=not found.readiness.sso,
        preflight=_preflight(request, desk, found),
        requirement=await _requirement(request, desk, workspace),
        usual_minutes=USUAL_MINUTES,
        sign_in=restart_address(desk.slug, None),
        kind=_kind(kept, typed or {}),
        initiate_uri=f"{public}/api/sso/initiate/{desk.slug}",
        redirect_uri=redirect_uri(public, desk.slug),
        problem=problem,
        typed=typed or {},
    )


async def _assessed(request: web.Request, desk: Desk) -> Assessment:
    try:
        found = await assess(request.app[COMMANDS].resources, desk.slug, desk.asker.actor)
    except WorkspaceUnknown:
        raise PageRefusal("workspace_unavailable") from None
    if found.workspace.closed:
        raise PageRefusal("workspace_unavailable")
    return found


def _preflight(request: web.Request, desk: Desk, found: Assessment) -> Preflight | None:
    workspace = found.workspace
    if desk.people == "untold" or not workspace.sso_enabled or workspace.enforcement is not None:
        return None
    everybody = single(request.query, ("affected",)).get("affected") == "all"
    named, you = desk.people == "named", desk.asker.actor.id
    return preflight(found, request.app[CLOCK](), you=you, named=named, everybody=everybody)


async def _requirement(request: web.Request, desk: Desk, workspace: Workspace) -> Requirement | None:
    if desk.people != "named":
        return None
    return await find_requirement(request.app[POOL], workspace, desk.asker.actor.id)


def _standing(workspace: Workspace, credentials: Credentials) -> str:
    return "staged" if credentials is workspace.staged else "active"


def _kind(kept: list[Credentials], typed: dict[str, str]) -> str:
    """Return in whose words the page speaks: those of the provider that was just typed, else of the present one."""
    if typed.get("issuer") and not typed.get("okta_domain"):
        return OIDC
    return kept[0].provider_kind if kept and not typed.get("okta_domain") else OKTA


def _missing(found: Assessment) -> list[str]:
    workspace, items = found.workspace, list(found.readiness.sso)
    step = []
    if workspace.credentials is None and workspace.staged is not None:
        items.remove("credentials")
        proven = workspace.staged.proven
        step.append(
            "An owner puts the credentials below in use." if proven else "Test the credentials below with a sign-in."
        )
    elif workspace.credentials is not None and not workspace.credentials.proven:
        items.append("proof")
    return [*told(items), *step, *told([] if workspace.sso_enabled else ["sso"])]
