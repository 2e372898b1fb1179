"""Members of a workspace: who they are, and the changes that somebody else makes to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import asyncpg

from events.commands.people import ChangeMember, DeactivateMember, EraseMember, ReactivateMember
from events.decisions import MemberFact
from events.refusals import Refusal
from service.identity.addresses import read_address
from service.identity.change import Change
from service.identity.erasure import forget
from service.identity.facts import member_fact
from service.identity.people import Role
from service.identity.resources import Executor
from service.identity.session_ends import end_membership_sessions, end_sessions_of
from service.identity.websites import Websites, check_websites, read_websites, write_websites

_COLUMNS: Final = (
    "member_id, email, name, role, websites, status, joined_at, joined_how,"
    " (select max(last_sign_in_at) from identity.identities i where i.member_id = m.member_id) as last_sso_at"
)


@dataclass(frozen=True, slots=True)
class Member:
    """A member as others see them. Erased ones are not listed."""

    member_id: UUID
    email: str
    name: str
    role: Role
    websites: Websites
    status: Literal["active", "deactivated"]
    joined_at: datetime
    joined_how: Literal["invitation", "jit"]
    last_sso_at: datetime | None


async def list_members(
    connection: Executor, workspace: str, limit: int, after: tuple[datetime, UUID] | None = None
) -> Sequence[Member]:
    """Return at most ``limit`` members, oldest first, after the one that joined then with that id."""
    joined_at, member_id = after or (None, None)
    rows = await connection.fetch(
        f"select {_COLUMNS} from identity.members m where workspace = $1 and status <> 'erased'"
        " and ($2::timestamptz is null or (joined_at, member_id) > ($2, $3)) order by joined_at, member_id limit $4",
        workspace,
        joined_at,
        member_id,
        limit,
    )
    return [_member(row) for row in rows]


async def find_member(connection: Executor, workspace: str, id_or_address: str) -> Member:
    """Return a member by id or by address.

    Raises:
        Refusal: ``member_unknown``.
    """
    address = read_address(id_or_address)
    row = await connection.fetchrow(
        f"select {_COLUMNS} from identity.members m where workspace = $1 and status <> 'erased'"
        " and (member_id::text = $2 or email_key = $3)",
        workspace,
        id_or_address.lower(),
        None if address is None else address.key,
    )
    if row is None:
        raise Refusal("member_unknown", "There is no such member in this workspace.")
    return _member(row)


def _member(row: asyncpg.Record) -> Member:
    return Member(**{**row, "websites": read_websites(row["websites"])})


async def change_member(
    change: Change, member_id: UUID, *, role: Role | None = None, websites: Websites | None = None
) -> bool:
    """Give a member another role or other websites; what is ``None`` stays. ``False`` when nothing changes.

    Raises:
        Refusal: ``member_unknown``, ``data_invalid`` for an unknown website, ``forbidden`` when staff would add an
            owner where one is, ``would_lock_out``.
    """
    fact = await _fact(change, member_id)
    if websites is not None:
        await check_websites(change.connection, change.workspace.slug, websites)
    command = ChangeMember(member_id=str(member_id), role=role, websites=websites)
    if not await change.decide(command, fact):
        return False
    await change.connection.execute(
        "update identity.members set role = coalesce($2, role), websites = coalesce($3::jsonb, websites),"
        " owner_until = case when role = 'owner' and $2 <> 'owner' then $4 else owner_until end where member_id = $1",
        member_id,
        role,
        None if websites is None else write_websites(websites),
        change.now,
    )
    return True


async def deactivate_member(change: Change, member_id: UUID) -> bool:
    """Keep the member and let them in no longer; what they have open ends. ``False`` when nothing changes.

    Raises:
        Refusal: ``member_unknown``, ``would_lock_out``.
    """
    fact = await _fact(change, member_id)
    if not await change.decide(DeactivateMember(member_id=str(member_id)), fact):
        return False
    user_id = await change.connection.fetchval(
        "update identity.members set status = 'deactivated',"
        " owner_until = case when role = 'owner' then $2 else owner_until end where member_id = $1 returning user_id",
        member_id,
        change.now,
    )
    await end_membership_sessions(change.connection, change.workspace.slug, user_id)
    elsewhere = "select exists (select from identity.members where user_id = $1 and status = 'active')"
    if not await change.connection.fetchval(elsewhere, user_id):
        await end_sessions_of(change.connection, user_id)
    return True


async def reactivate_member(change: Change, member_id: UUID) -> bool:
    """Let a deactivated member in again, by a new sign-in. ``False`` when nothing changes.

    Raises:
        Refusal: ``member_unknown``; ``forbidden`` when staff would add an owner where one is.
    """
    fact = await _fact(change, member_id)
    if not await change.decide(ReactivateMember(member_id=str(member_id)), fact):
        return False
    user_id = await change.connection.fetchval(
        "update identity.members set status = 'active' where member_id = $1 returning user_id", member_id
    )
    # What the user has open for other workspaces' sake would open this one again, though deactivating had closed it.
    await end_sessions_of(change.connection, user_id)
    return True


async def erase_member(change: Change, member_id: UUID) -> None:
    """Delete what is known of the person; a keyed tombstone stays, so that just-in-time creation does not revive them.

    Raises:
        Refusal: ``member_unknown``, ``would_lock_out``.
    """
    fact = await _fact(change, member_id)
    await change.decide(EraseMember(member_id=str(member_id)), fact)
    await forget(change.connection, change.resources.tombstones, change.workspace.slug, member_id, change.now)


async def _fact(change: Change, member_id: UUID) -> MemberFact | None:
    return await member_fact(change.connection, change.workspace, member_id)
