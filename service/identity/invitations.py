"""Invitations: who may become a member, with which role and websites, until when."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import asyncpg

from events.catalogue.instants import write_instant
from events.commands.people import InviteMember, RevokeInvitation
from events.domains import Address, parse_address
from events.refusals import Refusal
from service.identity.change import Change
from service.identity.invitation_mail import mail_invitation
from service.identity.people import Role
from service.identity.resources import Executor
from service.identity.websites import Websites, check_websites, read_websites, write_websites

LIFETIME: Final = timedelta(days=14)
LONGEST: Final = timedelta(days=90)
PAUSE: Final = timedelta(minutes=1)
"""An invitation is not mailed again within this time."""
Wanted = Literal["open", "expired", "revoked"]
_COLUMNS: Final = "invitation_id, email, role, websites, status, created_at, expires_at"


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation. One that is ``open`` has also to be of today: ``expires_at`` ends it."""

    invitation_id: UUID
    email: str
    role: Role
    websites: Websites
    status: Literal["open", "accepted", "revoked", "replaced", "expired"]
    created_at: datetime
    expires_at: datetime


async def list_invitations(
    connection: Executor,
    workspace: str,
    now: datetime,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
    wanted: Wanted = "open",
) -> Sequence[Invitation]:
    """Return at most ``limit`` invitations of one standing, oldest first, after the one made then with that id.

    Expired and revoked ones are those that count: the latest of addresses that are no member's. Each suspends
    just-in-time creation for its address.
    """
    created_at, invitation_id = after or (None, None)
    rows = await connection.fetch(
        f"select {_COLUMNS} from identity.invitations v where workspace = $1"
        " and case $6 when 'open' then status = 'open' and expires_at > $2"
        "  when 'expired' then status = 'open' and expires_at <= $2 else status = 'revoked' end"
        " and ($6 = 'open' or not exists (select from identity.members m"
        "  where m.workspace = $1 and m.email_key = v.email_key and m.status <> 'erased'))"
        " and ($3::timestamptz is null or (created_at, invitation_id) > ($3, $4))"
        " order by created_at, invitation_id limit $5",
        workspace,
        now,
        created_at,
        invitation_id,
        limit,
        wanted,
    )
    found = [_invitation(row) for row in rows]
    return [replace(one, status="expired") for one in found] if wanted == "expired" else found


def _invitation(row: asyncpg.Record) -> Invitation:
    return Invitation(**{**row, "websites": read_websites(row["websites"])})


async def invite(
    change: Change,
    email: str,
    role: Role = "editor",
    websites: Websites = "all",
    expires_at: datetime | None = None,
) -> tuple[Invitation, bool]:
    """Invite an address and mail it. The same invitation again changes nothing; another one replaces it.

    Returns:
        The open invitation, and whether it is new.

    Raises:
        Refusal: ``data_invalid`` when this is no address, a member's address, or a website is unknown; ``forbidden``
            when staff would add an owner to a workspace that has one.
    """
    address = parse_address(email)
    await check_websites(change.connection, change.workspace.slug, websites)
    await _refuse_member(change, address)
    open_one = await _open_invitation(change, address)
    if open_one is not None and (open_one.role, open_one.websites) == (role, websites) and expires_at is None:
        return open_one, False
    return await _open(change, address, role, websites, expires_at or change.now + LIFETIME), True


async def _open(change: Change, address: Address, role: Role, websites: Websites, expires_at: datetime) -> Invitation:
    made = Invitation(uuid.uuid4(), address.display, role, websites, "open", change.now, expires_at)
    if not change.now < made.expires_at <= change.now + LONGEST:
        raise Refusal("data_invalid", f"An invitation ends in the future, in at most {LONGEST.days} days.")
    command = InviteMember(
        invitation_id=str(made.invitation_id), role=role, websites=websites, expires_at=write_instant(made.expires_at)
    )
    await change.decide(command)
    await _write(change, address, made)
    await mail_invitation(change, made)
    return made


async def _refuse_member(change: Change, address: Address) -> None:
    status = await change.connection.fetchval(
        "select status from identity.members where workspace = $1 and email_key = $2 and status <> 'erased'",
        change.workspace.slug,
        address.key,
    )
    if status == "active":
        raise Refusal("data_invalid", "This address belongs to a member already.")
    if status is not None:
        raise Refusal("data_invalid", "This address belongs to a deactivated member. Reactivate them instead.")


async def _open_invitation(change: Change, address: Address) -> Invitation | None:
    row = await change.connection.fetchrow(
        f"select {_COLUMNS} from identity.invitations"
        " where workspace = $1 and email_key = $2 and status = 'open' and expires_at > $3",
        change.workspace.slug,
        address.key,
        change.now,
    )
    return None if row is None else _invitation(row)


async def _write(change: Change, address: Address, made: Invitation) -> None:
    await change.connection.execute(
        "update identity.invitations set status = 'replaced'"
        " where workspace = $1 and email_key = $2 and status in ('open', 'revoked')",
        change.workspace.slug,
        address.key,
    )
    await change.connection.execute(
        "insert into identity.invitations (invitation_id, workspace, email, email_key, role, websites, invited_by,"
        " created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        made.invitation_id,
        change.workspace.slug,
        made.email,
        address.key,
        made.role,
        write_websites(made.websites),
        f"{change.context.actor.type}:{change.context.actor.id}",
        made.created_at,
        made.expires_at,
    )


async def resend_invitation(change: Change, invitation_id: UUID) -> Invitation:
    """Invite the same address once more, with role and websites as they were: a new link, and the whole time again.

    Also one that has expired. The invitation, and the link that was mailed with it, are replaced.

    Raises:
        Refusal: ``invitation_unknown`` when it was accepted, revoked or replaced, or never was; ``rate_limited`` when
            the last mail is younger than a minute; else see ``invite``.
    """
    row = await change.connection.fetchrow(
        f"select {_COLUMNS} from identity.invitations where workspace = $1 and invitation_id = $2 and status = 'open'",
        change.workspace.slug,
        invitation_id,
    )
    if row is None:
        raise _unknown()
    former = _invitation(row)
    if change.now < former.created_at + PAUSE:
        seconds = int(PAUSE.total_seconds())
        raise Refusal("rate_limited", "A mail has just gone out. Wait a minute.", retry_after=seconds)
    return await _open(change, parse_address(former.email), former.role, former.websites, change.now + LIFETIME)


async def revoke_invitation(change: Change, invitation_id: UUID) -> Invitation:
    """Make an open invitation open nothing; it also suspends just-in-time creation for its address.

    Raises:
        Refusal: ``invitation_unknown``.
    """
    row = await change.connection.fetchrow(
        "update identity.invitations set status = 'revoked'"
        f" where workspace = $1 and invitation_id = $2 and status = 'open' returning {_COLUMNS}",
        change.workspace.slug,
        invitation_id,
    )
    if row is None:
        raise _unknown()
    await change.decide(RevokeInvitation(invitation_id=str(invitation_id)))
    return _invitation(row)


def _unknown() -> Refusal:
    return Refusal("invitation_unknown", "There is no such open invitation in this workspace.")
