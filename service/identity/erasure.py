"""Forgets a person in one workspace. The ledger's events name them by an opaque id alone, and stay."""

from datetime import datetime
from uuid import UUID

from service.identity.resources import Connection
from service.identity.session_ends import end_member_sessions, end_sessions_of
from service.identity.tombstones import TombstoneKeys, raise_tombstones


async def forget(connection: Connection, keys: TombstoneKeys, workspace: str, member_id: UUID, now: datetime) -> None:
    """Delete what the tables hold of a member, in the caller's transaction and under the workspace's lock."""
    member = await connection.fetchrow(
        "select user_id, email_key from identity.members"
        " where member_id = $1 and workspace = $2 and status <> 'erased'",
        member_id,
        workspace,
    )
    if member is None:
        return
    await raise_tombstones(connection, keys, workspace, member_id, now)
    await connection.execute("delete from identity.identities where member_id = $1", member_id)
    await connection.execute("delete from identity.link_confirmations where member_id = $1", member_id)
    await connection.execute(
        "delete from identity.invitations where workspace = $1 and (email_key = $2 or member_id = $3)",
        workspace,
        member["email_key"],
        member_id,
    )
    await connection.execute(
        "update identity.sign_ins set email = null where workspace = $1 and (member_id = $2 or lower(email) = $3)",
        workspace,
        member_id,
        member["email_key"],
    )
    await connection.execute(
        "delete from identity.outbox where workspace = $1 and lower(recipient) = $2", workspace, member["email_key"]
    )
    await end_member_sessions(connection, workspace, member["user_id"])
    await connection.execute(
        "update identity.members set status = 'erased', user_id = null, email = null, email_key = null, name = '',"
        " websites = '[]', owner_until = null where member_id = $1",
        member_id,
    )
    await _forget_user(connection, member["user_id"])


async def _forget_user(connection: Connection, user_id: UUID) -> None:
    """A user who is a member of nothing any more is forgotten as well."""
    gone = await connection.fetchval(
        "delete from identity.users u where user_id = $1"
        " and not exists (select 1 from identity.members m where m.user_id = u.user_id) returning true",
        user_id,
    )
    if gone:
        await end_sessions_of(connection, user_id)
