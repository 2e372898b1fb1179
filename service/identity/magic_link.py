"""Magic links: a mail proves that whoever answers it reads the mailbox.

The link is sealed rather than stored; its address shows a button, and the button's POST uses it up, so that a mail
scanner that opens it spends nothing.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from events.domains import Address
from service.db import transaction
from service.identity.addresses import read_address
from service.identity.outbox import Mail, Value, enqueue
from service.identity.resources import Connection, Executor, IdentityResources

LIFETIME: Final = timedelta(minutes=15)
MOST_AT_ONCE: Final = 3
"""No more links than this are sent to one address within a link's lifetime."""
_PURPOSE: Final = "magic link"


@dataclass(frozen=True, slots=True)
class MagicLink:
    """What a link says. ``digest`` identifies it when it is used up; ``target`` is where the person wanted to go."""

    address: Address
    target: str | None
    ends_at: datetime
    digest: bytes


async def send_magic_link(resources: IdentityResources, email: str, target: str | None = None) -> bool:
    """Mail a link if the address is a member's or an invitee's. ``False`` when nothing was sent.

    Whoever asked must not be told the difference.
    """
    address, now = read_address(email), resources.clock()
    if address is None:
        return False
    async with transaction(resources.pool) as connection:
        if not await _is_known(connection, address, now) or await _has_enough(connection, address, now):
            return False
        sealed = orjson.dumps((address.display, target, (now + LIFETIME).timestamp()))
        token = resources.box.seal(_PURPOSE, sealed)
        values: dict[str, Value] = {
            "link": f"{resources.public_url}/login/magic-link/{token}",
            "minutes": int(LIFETIME.total_seconds() // 60),
        }
        mail = Mail("magic_link", address.display, values, useless_after=now + LIFETIME)
        return await enqueue(connection, resources.box, mail, now)


async def _is_known(connection: Executor, address: Address, now: datetime) -> bool:
    return bool(
        await connection.fetchval(
            "select exists (select from identity.members where email_key = $1 and status = 'active')"
            " or exists (select from identity.users u join identity.members m using (user_id)"
            "  where u.email_key = $1 and m.status = 'active')"
            " or exists (select from identity.invitations"
            "  where email_key = $1 and status = 'open' and expires_at > $2)",
            address.key,
            now,
        )
    )


async def _has_enough(connection: Connection, address: Address, now: datetime) -> bool:
    # Two requests at once must not both find room for one more.
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('magic link ' || $1, 0))", address.key)
    sent = await connection.fetchval(
        "select count(*) from identity.outbox where lower(recipient) = $1 and kind = 'magic_link' and created_at > $2",
        address.key,
        now - LIFETIME,
    )
    return int(sent) >= MOST_AT_ONCE


def read_magic_link(resources: IdentityResources, token: str) -> MagicLink | None:
    """Return what a link says, ``None`` when it is not ours or has ended. Changes nothing."""
    content = resources.box.open(_PURPOSE, token)
    if content is None:
        return None
    email, target, ends_at = orjson.loads(content)
    address, end = read_address(email), datetime.fromtimestamp(ends_at, UTC)
    if address is None or end <= resources.clock():
        return None
    return MagicLink(address, target, end, hashlib.sha256(b"magic link " + token.encode()).digest())
