"""Forgets a person in one workspace. The ledger's events name them by an opaque id alone, and stay."""

from datetime import datetime
from typing import Final
from uuid import UUID

from service.identity.addresses import read_address
from service.identity.resources import Connection
from service.identity.session_ends import end_membership_sessions, end_sessions_of
from service.identity.tombstones import Tombstones

NOWHERE: Final = ""
"""The sign-in log's workspace for what led to none."""


async def forget(
    connection: Connection, tombstones: Tombstones, workspace: str, member_id: UUID, now: datetime
) -> None:
    """Delete what the tables hold of a member, in the caller's transaction and under the workspace's lock."""
    member = await connection.fetchrow(
        "select user_id, email_key from identity.members"
        " where member_id = $1 and workspace = $2 and status <> 'erased'",
        member_id,
        workspace,
    )
    if member is None:
        return
    user_id, email_key = member["user_id"], member["email_key"]
    email_keys = [email_key, *await _proven_elsewhere(connection, member_id)]
    await tombstones.raise_for(connection, workspace, member_id, now)
    await _forget_traces(connection, workspace, member_id, email_keys)
    await end_membership_sessions(connection, workspace, user_id)
    await connection.execute(
        "update identity.members set status = 'erased', user_id = null, email = null, email_key = null, name = '',"
        " websites = '[]', owner_until = null where member_id = $1",
        member_id,
    )
    if await _forget_user(connection, user_id, email_key):
        await _anonymise(connection, NOWHERE, None, email_keys)
        await connection.execute("delete from identity.magic_links where email_key = any($1)", email_keys)
        await connection.execute(
            "delete from identity.outbox where workspace is null and lower(recipient) = any($1)", email_keys
        )


async def _proven_elsewhere(connection: Connection, member_id: UUID) -> list[str]:
    """Return the address that the member's user proved, where the workspace's provider calls them by another by now.

    Not where somebody else is called by it in the workspace, who keeps what is theirs.
    """
    rows = await connection.fetch(
        "select u.email_key from identity.members m join identity.users u using (user_id)"
        " where m.member_id = $1 and u.email_key <> m.email_key and not exists"
        " (select from identity.members o where o.workspace = m.workspace and o.email_key = u.email_key)",
        member_id,
    )
    return [row["email_key"] for row in rows]


async def _forget_traces(connection: Connection, workspace: str, member_id: UUID, email_keys: list[str]) -> None:
    await connection.execute("delete from identity.identities where member_id = $1", member_id)
    await connection.execute("delete from identity.link_confirmations where member_id = $1", member_id)
    await connection.execute(
        "delete from identity.recovery_requests where workspace = $1 and email_key = any($2)", workspace, email_keys
    )
    await connection.execute(
        "delete from identity.limited_sessions where workspace = $1 and holder = $2", workspace, member_id
    )
    await connection.execute(
        "delete from identity.identity_conflicts where workspace = $1 and email_key = any($2)", workspace, email_keys
    )
    await connection.execute(
        "delete from identity.invitations where workspace = $1 and (email_key = any($2) or member_id = $3)",
        workspace,
        email_keys,
        member_id,
    )
    await connection.execute(
        "delete from identity.outbox where workspace = $1 and lower(recipient) = any($2)", workspace, email_keys
    )
    # Answers that are kept for repeated requests show invitations and members as they were.
    await connection.execute(
        "delete from identity.idempotency where workspace = $1"
        " and (exists (select from unnest($2::text[]) one where position(one in lower(answer::text)) > 0)"
        "  or position($3 in answer::text) > 0)",
        workspace,
        email_keys,
        str(member_id),
    )
    await _anonymise(connection, workspace, member_id, email_keys)


async def _anonymise(connection: Connection, workspace: str, member_id: UUID | None, email_keys: list[str]) -> None:
    """Take the addresses out of the sign-in log. They stand there as each provider wrote them, so that forms differ."""
    rows = await connection.fetch(
        "select distinct email from identity.sign_ins where workspace = $1"
        " and exists (select from unnest($2::text[]) one where starts_with(lower(email), one))",
        workspace,
        [f"{email_key.rpartition('@')[0]}@" for email_key in email_keys],
    )
    addresses = {row["email"]: read_address(row["email"]) for row in rows}
    theirs = [text for text, address in addresses.items() if address is not None and address.key in email_keys]
    await connection.execute(
        "update identity.sign_ins set email = null where workspace = $1 and (member_id = $2 or email = any($3))",
        workspace,
        member_id,
        theirs,
    )


async def _forget_user(connection: Connection, user_id: UUID, email_key: str) -> bool:
    """A user who is a member of nothing any more is forgotten as well; so is one of whom the address is all there is.

    Such a one read the mailbox, which did not show that the member's account is theirs. Returns whether the member's
    own user was forgotten.
    """
    # In a statement of its own, so that the next one sees the membership that somebody was just being given.
    await connection.execute(
        "select from identity.users where user_id = $1 or email_key = $2 order by user_id for update",
        user_id,
        email_key,
    )
    gone = await connection.fetch(
        "delete from identity.users u where (user_id = $1 or email_key = $2)"
        " and not exists (select 1 from identity.members m where m.user_id = u.user_id) returning user_id",
        user_id,
        email_key,
    )
    for one in gone:
        await end_sessions_of(connection, one["user_id"])
    return user_id in {one["user_id"] for one in gone}
