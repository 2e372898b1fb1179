"""What a session opens now: read and judged on committed state at every request, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from events.workspace import Workspace
from service.identity.authentication import Authentication
from service.identity.known import member_of
from service.identity.people import KnownMember, Role
from service.identity.policy import live_bypass, may_open
from service.identity.read_model import UnusableReadModel, workspace_of
from service.identity.resources import Executor, Pool
from service.identity.session_values import LiveSession
from service.identity.websites import Websites, read_websites

_READ: Final = """
    select m.workspace, m.member_id, m.user_id, m.role, m.status, m.email, m.name, m.websites,
           c.document, c.position, c.version, c.fold_version, s.version as stream_version
    from identity.members m
    join ledger.streams s on s.stream_id = m.workspace
    left join projection.connections c on c.slug = m.workspace
    where m.user_id = $1 and ($2::text is null or m.workspace = $2)
    order by m.workspace
"""


@dataclass(frozen=True, slots=True)
class Access:
    """A workspace that the session opens, and as whom. ``by`` is the authentication that opens it."""

    workspace: str
    member_id: UUID
    role: Role
    websites: Websites
    email: str
    name: str
    by: Authentication


@dataclass(frozen=True, slots=True)
class NoAccess:
    """Why the session does not open the workspace. ``not_a_member`` also where there is no such workspace.

    ``enforced`` says that signing in by SSO would open it.
    """

    reason: str
    enforced: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """A workspace by the name that people know it by, and whether the session opens it.

    ``by_sso``: where it does not, signing in by SSO may open it.
    """

    workspace: str
    name: str
    access: Access | NoAccess
    by_sso: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Who a session belongs to. ``email`` is the user's own proven address, else that of a membership it opens."""

    user_id: UUID
    email: str | None
    name: str


async def open_workspace(executor: Executor, session: LiveSession, slug: str, now: datetime) -> Access | NoAccess:
    """Judge whether the session opens this workspace now."""
    row = await executor.fetchrow(_READ, session.user_id, slug)
    return NoAccess("not_a_member") if row is None else (await _membership(executor, row, session, now)).access


async def opened_workspaces(pool: Pool, session: LiveSession, now: datetime) -> Sequence[Access]:
    """Return the workspaces that the session opens now, by slug."""
    judged = await judge_memberships(pool, session, now)
    return [one for one in judged.values() if isinstance(one, Access)]


async def live_bypasses(pool: Pool, user_id: UUID, now: datetime) -> dict[str, str]:
    """Return the ends of the user's live bypasses, by workspace, for an authentication to note."""
    found: dict[str, str] = {}
    for row in await pool.fetch(_READ, user_id, None):
        member = _member(row)
        try:
            workspace = await workspace_of(pool, row["workspace"], row)
        except UnusableReadModel:
            continue
        ends = None if member is None else live_bypass(workspace, member, now)
        if ends is not None:
            found[workspace.slug] = ends
    return found


async def judge_memberships(pool: Pool, session: LiveSession, now: datetime) -> dict[str, Access | NoAccess]:
    """Judge each workspace that the session's user is a member of, by slug."""
    return {one.workspace: one.access for one in await _memberships(pool, session, now)}


async def shown_memberships(pool: Pool, session: LiveSession, now: datetime) -> Sequence[Membership]:
    """Return the workspaces that the session's person may be told of, opened or not, by slug.

    A session that only workspaces' connections have made is told of those workspaces alone: whoever administers one of
    their providers must not learn where else the person is a member.
    """
    own = {one.workspace for one in session.authentications}
    return [
        one
        for one in await _memberships(pool, session, now)
        if isinstance(one.access, Access) or (one.by_sso and (session.proves_user or one.workspace in own))
    ]


async def session_person(pool: Pool, session: LiveSession, opened: Sequence[Access]) -> Person:
    """Return who the session belongs to, as far as what it opens may tell.

    A session by SSO alone shows what the workspace that it opens holds of the person, and nothing of the user's own.
    """
    latest = max(opened, key=lambda access: access.by.at, default=None)
    email, name = ("", "") if latest is None else (latest.email, latest.name)
    if session.proves_user:
        row = await pool.fetchrow("select email, name from identity.users where user_id = $1", session.user_id)
        if row is not None:
            email, name = row["email"] or email, row["name"] or name
    return Person(session.user_id, email or None, name)


async def _memberships(pool: Pool, session: LiveSession, now: datetime) -> list[Membership]:
    return [await _membership(pool, row, session, now) for row in await pool.fetch(_READ, session.user_id, None)]


async def _membership(executor: Executor, row: asyncpg.Record, session: LiveSession, now: datetime) -> Membership:
    try:
        workspace = await workspace_of(executor, row["workspace"], row)
    except UnusableReadModel:
        return Membership(row["workspace"], row["workspace"], NoAccess("workspace_unavailable"), by_sso=False)
    access = _judge(workspace, row, session, now)
    by_sso = row["status"] == "active" and workspace.sso_enabled and not workspace.closed
    return Membership(workspace.slug, workspace.name, access, by_sso)


def _judge(workspace: Workspace, row: asyncpg.Record, session: LiveSession, now: datetime) -> Access | NoAccess:
    member = _member(row)
    if member is None:
        return NoAccess("member_deactivated", enforced=workspace.enforcement is not None)
    reason: str = "method_not_allowed"
    for authentication in reversed(session.authentications):
        refused = may_open(workspace, authentication, member, now)
        if refused is None:
            websites = read_websites(row["websites"])
            return Access(
                workspace.slug, member.member_id, member.role, websites, member.email, row["name"], authentication
            )
        reason = _more_telling(reason, refused)
    return NoAccess(reason, enforced=workspace.enforcement is not None)


def _member(row: asyncpg.Record) -> KnownMember | None:
    return None if row["status"] == "erased" else member_of(row)


def _more_telling(known: str, found: str | None) -> str:
    """An authentication made elsewhere says nothing about this workspace; any other reason does."""
    return found if found is not None and found != "method_not_allowed" else known
