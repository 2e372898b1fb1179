"""Whether an address leads to anybody: asked before a sign-in mail goes out, and told to nobody who asks for one."""

from datetime import datetime
from typing import Final

from events.domains import Address
from service.identity.resources import Executor

_KNOWN: Final = """
    select exists (select from identity.members where email_key = $1 and status = 'active')
        or exists (
            select from identity.users u join identity.members m using (user_id)
            where u.email_key = $1 and m.status = 'active'
        )
        or exists (select from identity.invitations where email_key = $1 and status = 'open' and expires_at > $2)
"""
_PRIVILEGED: Final = """
    select exists (
            select from identity.members m left join identity.users u using (user_id)
            where (m.email_key = $1 or u.email_key = $1) and m.status = 'active' and m.role in ('owner', 'admin')
        )
        or exists (
            select from identity.invitations
            where email_key = $1 and status = 'open' and expires_at > $2 and role in ('owner', 'admin')
        )
"""


async def is_known_address(connection: Executor, address: Address, now: datetime) -> bool:
    """Whether the address is an active member's, or an open invitation was sent to it."""
    return bool(await connection.fetchval(_KNOWN, address.key, now))


async def leads_to_privileges(connection: Executor, address: Address, now: datetime) -> bool:
    """Whether the address leads to an owner or an admin, or to an invitation to become one.

    All that its user is in any workspace counts, whatever the address there.
    """
    return bool(await connection.fetchval(_PRIVILEGED, address.key, now))
