"""Asks an owner or admin by mail whether a sign-in with their address was theirs."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from events.workspace import Workspace
from service.identity.outbox import Mail, Value, enqueue
from service.identity.people import KnownInvitation, KnownMember, Person
from service.identity.resources import Connection, IdentityResources

LIFETIME: Final = timedelta(minutes=30)
PAUSE: Final = timedelta(minutes=2)
"""The same sign-in repeated within this time sends no second mail."""
MOST_OPEN: Final = 5
"""No more mails than this wait for one person at once, whoever asks for them."""

Target = KnownMember | KnownInvitation


@dataclass(frozen=True, slots=True)
class Replacement:
    """The account is to take the place of the one that is linked: why, and who asked for it."""

    reason: str
    asked_by: str
    ticket: str | None


async def request_link(
    resources: IdentityResources,
    connection: Connection,
    workspace: Workspace,
    person: Person,
    target: Target,
    now: datetime,
    replacement: Replacement | None = None,
) -> bool:
    """Mail a confirming link to the owner or admin, in the caller's transaction. ``False`` when one is under way."""
    member_id, invitation_id = _ids(target)
    under_way = await connection.fetchrow(
        "select count(*) as open, count(*) filter (where issuer = $4 and subject_scope = $5 and subject = $6"
        " and created_at > $7) as same from identity.link_confirmations"
        " where workspace = $1 and (member_id = $2 or invitation_id = $3) and used_at is null and expires_at > $8",
        workspace.slug,
        member_id,
        invitation_id,
        person.issuer,
        person.subject_scope,
        person.subject,
        now - PAUSE,
        now,
    )
    if under_way is not None and (under_way["same"] or under_way["open"] >= MOST_OPEN):
        return False
    token = secrets.token_urlsafe(32)
    await connection.execute(
        "insert into identity.link_confirmations (token_hash, workspace, member_id, invitation_id, issuer,"
        " subject_scope, subject, email, verified, name, created_at, expires_at, replaces, reason, asked_by, ticket)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        link_hash(token),
        workspace.slug,
        member_id,
        invitation_id,
        person.issuer,
        person.subject_scope,
        person.subject,
        person.email,
        person.email_verified_claim is True,
        person.name,
        now,
        now + LIFETIME,
        replacement is not None,
        None if replacement is None else replacement.reason,
        None if replacement is None else replacement.asked_by,
        None if replacement is None else replacement.ticket,
    )
    values: dict[str, Value] = {
        "workspace_name": workspace.name,
        "role": target.role,
        "email": person.email,
        "name": person.name,
        "issuer": person.issuer,
        "at": f"{now:%d %B %Y, %H:%M} UTC",
        "minutes": int(LIFETIME.total_seconds() // 60),
        "link": f"{resources.public_url}/link/{token}",
        "replaces": int(replacement is not None),
    }
    recipient = await _mailbox(connection, target)
    return await enqueue(
        connection, resources.box, Mail("confirm_link", recipient, values, workspace.slug, now + LIFETIME), now
    )


def _ids(target: Target) -> tuple[UUID | None, UUID | None]:
    if isinstance(target, KnownMember):
        return target.member_id, None
    return None, target.invitation_id


def link_hash(token: str) -> bytes:
    """Return what is stored of a mailed link."""
    return hashlib.sha256(token.encode()).digest()


async def _mailbox(connection: Connection, target: Target) -> str:
    """The user's own proven address where there is one: the provider can change the membership's."""
    if isinstance(target, KnownInvitation):
        return target.email
    proven = await connection.fetchval("select email from identity.users where user_id = $1", target.user_id)
    return proven or target.email
