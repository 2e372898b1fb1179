"""Users: a person across workspaces. Only a proven mailbox gives a user an address; no connection ever does."""

import uuid
from datetime import datetime
from uuid import UUID

from events.domains import Address
from service.identity.resources import Connection


async def create_user(connection: Connection, name: str | None, now: datetime, proven: Address | None = None) -> UUID:
    """Create a user, without an address unless its mailbox was proven. Returns the id, or the mailbox's own."""
    created: UUID | None = None
    while created is None:
        created = await connection.fetchval(
            "insert into identity.users (user_id, email, email_key, name, created_at) values ($1, $2, $3, $4, $5)"
            " on conflict (email_key) do nothing returning user_id",
            uuid.uuid4(),
            None if proven is None else proven.display,
            None if proven is None else proven.key,
            name or "",
            now,
        )
        if created is None and proven is not None:
            # The same mailbox was proven in another way at the same moment, or its user is being forgotten.
            created = await mailbox_user(connection, proven)
    return created


async def mailbox_user(connection: Connection, address: Address) -> UUID | None:
    """Return the user whose mailbox this is, who is not forgotten before the transaction ends; ``None`` if nobody's."""
    user_id: UUID | None = await connection.fetchval(
        "select user_id from identity.users where email_key = $1 for key share", address.key
    )
    return user_id


async def keep_user(connection: Connection, user_id: UUID) -> bool:
    """Have the user not be forgotten before the transaction ends. ``False`` when that has happened already."""
    return bool(await connection.fetchval("select true from identity.users where user_id = $1 for key share", user_id))


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
