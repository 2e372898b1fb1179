"""What a proven mailbox may claim of the memberships that workspaces hold under its address.

A workspace's provider can say any address of an allowed domain. So an address alone does not show that the account
behind a membership is the mailbox's reader's, and two people must not become one user by it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import asyncpg

from events.domains import Address
from service.identity.people import KnownMember
from service.identity.policy import live_bypass, may_open
from service.identity.read_model import UnusableReadModel, workspace_of
from service.identity.resources import Connection
from service.identity.session_ends import end_sessions_of
from service.identity.session_now import session_now
from service.identity.session_values import LiveSession
from service.identity.users import create_user, mailbox_user

_WORKSPACES: Final = """
    select 1 from identity.workspaces w
    where exists (
        select from identity.members m join identity.users u using (user_id)
        where m.workspace = w.slug and m.email_key = $1 and u.email_key is null
    )
    order by slug for update
"""
_UNCLAIMED: Final = """
    select m.member_id, m.user_id, m.workspace, m.role, m.status, m.email,
           exists (select from identity.identities i where i.member_id = m.member_id) as linked,
           c.document, c.position, c.version, c.fold_version, s.version as stream_version
    from identity.members m join identity.users u using (user_id)
    join ledger.streams s on s.stream_id = m.workspace
    left join projection.connections c on c.slug = m.workspace
    where m.email_key = $1 and u.email_key is null
    order by m.workspace
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose mailbox was proven, and the request's session: theirs by now, if it was a claimed member's own."""

    user_id: UUID
    session: LiveSession | None


async def claim_memberships(
    connection: Connection, address: Address, now: datetime, session: LiveSession | None = None
) -> Claim:
    """Find or create the user whose mailbox this proves, and give them the memberships that are shown to be theirs.

    Those are, of the memberships under the address that belong to nobody's mailbox yet: those without a linked
    identity; those of workspaces that have shown to own the domain; those that a live bypass names; and the one whose
    own session by SSO the request came with. Takes the locks of the workspaces concerned.
    """
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('mailbox ' || $1, 0))", address.key)
    await connection.fetch(_WORKSPACES, address.key)
    session = await session_now(connection, session)
    user_id = await mailbox_user(connection, address) or await create_user(connection, None, now, proven=address)
    for row in await connection.fetch(_UNCLAIMED, address.key):
        ground = await _ground(connection, row, address, session, now)
        if ground is None or not await _move(connection, row, user_id):
            continue
        if ground == "session" and session is not None:
            session = await _hand_over(connection, session, user_id)
        await _end_former(connection, row["user_id"], user_id)
    return Claim(user_id, session)


async def _ground(
    connection: Connection, row: asyncpg.Record, address: Address, session: LiveSession | None, now: datetime
) -> Literal["unlinked", "domain", "bypass", "session"] | None:
    """Return what shows that the membership is the mailbox's reader's, ``None`` when nothing does."""
    own = session is not None and session.user_id == row["user_id"] and await _held(connection, session)
    try:
        workspace = await workspace_of(connection, row["workspace"], row)
    except UnusableReadModel:
        return None
    member = KnownMember(row["member_id"], row["user_id"], row["role"], row["status"] == "active", row["email"])
    if own and session is not None:
        by_sso = [one for one in session.authentications if one.method == "sso"]
        if any(may_open(workspace, one, member, now) is None for one in by_sso):
            return "session"
    if not row["linked"]:
        return "unlinked"
    if live_bypass(workspace, member, now) is not None:
        # Staff have named this address as the person's, for the days when the provider cannot show who they are.
        return "bypass"
    domain = workspace.domains.get(address.domain)
    return "domain" if domain is not None and domain.verified is not None else None


async def _held(connection: Connection, session: LiveSession) -> bool:
    """Whether the session has not been ended meanwhile; it stays so until the transaction ends."""
    found = await connection.fetchval(
        "select true from identity.sessions where session_hash = $1 and user_id = $2 for update",
        session.session_hash,
        session.user_id,
    )
    return bool(found)


async def _move(connection: Connection, row: asyncpg.Record, user_id: UUID) -> bool:
    """Give a membership to another user, unless that user has one in the workspace already."""
    moved = await connection.fetchval(
        "update identity.members set user_id = $2 where member_id = $1 and user_id = $3 and not exists"
        " (select from identity.members m where m.workspace = $4 and m.user_id = $2) returning true",
        row["member_id"],
        user_id,
        row["user_id"],
        row["workspace"],
    )
    return bool(moved)


async def _hand_over(connection: Connection, session: LiveSession, user_id: UUID) -> LiveSession:
    await connection.execute(
        "update identity.sessions set user_id = $2, data = jsonb_set(data, '{user_id}', to_jsonb($2::uuid::text))"
        " where session_hash = $1",
        session.session_hash,
        user_id,
    )
    return replace(session, user_id=user_id)


async def _end_former(connection: Connection, before: UUID, user_id: UUID) -> None:
    """End what the former user has open, take their name along, and forget them if nothing is theirs any more."""
    await end_sessions_of(connection, before)
    await connection.execute(
        "update identity.users set name = old.name from identity.users old"
        " where identity.users.user_id = $1 and identity.users.name = '' and old.user_id = $2",
        user_id,
        before,
    )
    await connection.execute(
        "delete from identity.users u where user_id = $1"
        " and not exists (select from identity.members m where m.user_id = u.user_id)",
        before,
    )
