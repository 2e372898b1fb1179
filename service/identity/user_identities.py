"""Who a person is at a sign-in service that belongs to no workspace: by issuer and subject, never by address."""

from datetime import datetime
from uuid import UUID

import asyncpg

from service.identity.magic_link import UserIdentity
from service.identity.resources import Connection, Executor


async def find_user(connection: Executor, identity: UserIdentity) -> asyncpg.Record | None:
    """Return ``user_id`` and ``email`` of the user whose identity this is."""
    return await connection.fetchrow(
        "select u.user_id, u.email from identity.user_identities i join identity.users u using (user_id)"
        " where i.issuer = $1 and i.subject = $2",
        identity.issuer,
        identity.subject,
    )


async def link_identity(connection: Connection, identity: UserIdentity, user_id: UUID, now: datetime) -> bool:
    """Make the identity the user's own, in place of another one of the same issuer.

    Returns:
        ``False`` when it is another user's already; nothing has changed then.
    """
    owner: UUID | None = await connection.fetchval(
        "insert into identity.user_identities as i (issuer, subject, user_id, linked_at, last_sign_in_at)"
        " select $1::varchar, $2::varchar, $3::uuid, $4::timestamptz, $4::timestamptz"
        " where not exists (select from identity.user_identities o"
        "  where o.user_id = $3 and o.issuer = $1 and o.subject <> $2)"
        " on conflict (issuer, subject) do update set last_sign_in_at = $4 returning i.user_id",
        identity.issuer,
        identity.subject,
        user_id,
        now,
    )
    if owner is not None:
        return owner == user_id
    replaced = await connection.fetchval(
        "update identity.user_identities set subject = $2, linked_at = $4, last_sign_in_at = $4"
        " where user_id = $3 and issuer = $1 and not exists (select from identity.user_identities o"
        "  where o.issuer = $1 and o.subject = $2) returning true",
        identity.issuer,
        identity.subject,
        user_id,
        now,
    )
    return bool(replaced)


async def note_sign_in(connection: Executor, identity: UserIdentity, now: datetime) -> None:
    """Write down when the identity was last used."""
    await connection.execute(
        "update identity.user_identities set last_sign_in_at = $3 where issuer = $1 and subject = $2",
        identity.issuer,
        identity.subject,
        now,
    )


async def has_other_identity(connection: Executor, identity: UserIdentity, email_key: str) -> bool:
    """Whether the user with this address is somebody else at the same issuer."""
    found = await connection.fetchval(
        "select exists (select from identity.user_identities i join identity.users u using (user_id)"
        " where u.email_key = $3 and i.issuer = $1 and i.subject <> $2)",
        identity.issuer,
        identity.subject,
        email_key,
    )
    return bool(found)
