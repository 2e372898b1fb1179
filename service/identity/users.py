"""Users: a person across workspaces. Only a proven mailbox gives a user an address; no connection ever does."""

import uuid
from datetime import datetime
from uuid import UUID

from events.domains import Address
from service.identity.resources import Connection


async def create_user(connection: Connection, name: str | None, now: datetime, proven: Address | None = None) -> UUID:
    """Create a user, without an address unless its mailbox was proven. Returns the id."""
    user_id = uuid.uuid4()
    await connection.execute(
        "insert into identity.users (user_id, email, email_key, name, created_at) values ($1, $2, $3, $4, $5)",
        user_id,
        None if proven is None else proven.display,
        None if proven is None else proven.key,
        name or "",
        now,
    )
    return user_id


async def user_for_proven_mailbox(
    connection: Connection, workspace: str, address: Address, name: str | None, now: datetime
) -> UUID | None:
    """Return the user whose mailbox this proves, created if need be, to become a member of the workspace.

    ``None`` when that user is a member of the workspace already, under another address.
    """
    row = await connection.fetchrow(
        "select u.user_id, exists (select 1 from identity.members m where m.workspace = $1 and m.user_id = u.user_id)"
        " as member from identity.users u where u.email_key = $2 for update of u",
        workspace,
        address.key,
    )
    if row is None:
        return await create_user(connection, name, now, proven=address)
    return None if row["member"] else row["user_id"]


async def claim_memberships(connection: Connection, address: Address, now: datetime) -> UUID:
    """Return the user whose mailbox this proves, with the memberships under it that belonged to nobody's mailbox yet.

    A user whom a connection or an invitation made has no address of their own; whoever reads the mailbox is that
    person, so that such memberships become the mailbox's user's. Takes the locks of the workspaces concerned.
    """
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('mailbox ' || $1, 0))", address.key)
    rows = await connection.fetch(
        "select m.member_id, m.workspace, m.user_id from identity.members m join identity.users u using (user_id)"
        " where m.email_key = $1 and u.email_key is null order by m.workspace",
        address.key,
    )
    await connection.fetch(
        "select 1 from identity.workspaces where slug = any($1) order by slug for update",
        [row["workspace"] for row in rows],
    )
    owner: UUID | None = await connection.fetchval(
        "select user_id from identity.users where email_key = $1", address.key
    )
    user_id = owner or await create_user(connection, None, now, proven=address)
    for row in rows:
        await _move(connection, row["member_id"], row["workspace"], row["user_id"], user_id)
    return user_id


async def _move(connection: Connection, member_id: UUID, workspace: str, before: UUID, user_id: UUID) -> None:
    """Give a membership to another user, unless that user has one in the workspace already."""
    moved = await connection.fetchval(
        "update identity.members set user_id = $2 where member_id = $1 and user_id = $3 and not exists"
        " (select from identity.members m where m.workspace = $4 and m.user_id = $2) returning true",
        member_id,
        user_id,
        before,
        workspace,
    )
    if not moved:
        return
    await connection.execute("delete from identity.sessions where user_id = $1", before)
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
