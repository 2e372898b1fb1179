"""Magic links: a mail proves that whoever answers it reads the mailbox.

The link's address shows a button, and the button's POST uses it up, so that a mail scanner that opens it spends
nothing. What is kept of a link is its hash. Asking for one costs the same work whoever the address belongs to; whether
it belongs to anybody is looked at when the mail would go out.
"""

import hashlib
import math
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import asyncpg

from events.domains import Address
from service.db import transaction
from service.identity.addresses import read_address
from service.identity.outbox import Mail, Value, enqueue
from service.identity.resources import Connection, Executor, IdentityResources

LIFETIME: Final = timedelta(minutes=15)
MOST_AT_ONCE: Final = 5
"""No more links than this are made for one address within a link's lifetime."""
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_COLUMNS: Final = "token_hash, email, target, issuer, subject, expires_at, used_at"


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """Who somebody is at a sign-in service that belongs to no workspace. ``subject`` never changes, the address may."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class MagicLink:
    """A link. ``target`` is where the person wanted to go; ``confirms`` what becomes their own when it is used."""

    token_hash: bytes
    address: Address
    target: str | None
    confirms: UserIdentity | None
    state: Literal["open", "used", "ended"]


def link_hash(token: str) -> bytes:
    """Return what is stored of a link: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


async def request_magic_link(
    resources: IdentityResources, address: Address, target: str | None = None, confirms: UserIdentity | None = None
) -> int:
    """Make a link and have it mailed, if the address leads to anybody. Takes as long if it does not.

    Returns:
        0, or the whole seconds to wait when the address was sent enough links.
    """
    now = resources.clock()
    async with transaction(resources.pool) as connection:
        wait = await _wait(connection, address, now)
        if wait:
            return wait
        token = secrets.token_urlsafe(32)
        await connection.execute(
            "insert into identity.magic_links (token_hash, email, email_key, target, issuer, subject, created_at,"
            " expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
            link_hash(token),
            address.display,
            address.key,
            target,
            None if confirms is None else confirms.issuer,
            None if confirms is None else confirms.subject,
            now,
            now + LIFETIME,
        )
        await enqueue(connection, resources.box, _mail(resources, address, token, confirms, now), now)
    return 0


async def _wait(connection: Connection, address: Address, now: datetime) -> int:
    # Two requests at once must not both find room for one more.
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('magic link ' || $1, 0))", address.key)
    row = await connection.fetchrow(
        "select count(*) as made, min(created_at) as oldest from identity.magic_links"
        " where email_key = $1 and created_at > $2",
        address.key,
        now - LIFETIME,
    )
    if row is None or row["made"] < MOST_AT_ONCE:
        return 0
    oldest: datetime = row["oldest"]
    return max(1, math.ceil((oldest + LIFETIME - now).total_seconds()))


def _mail(
    resources: IdentityResources, address: Address, token: str, confirms: UserIdentity | None, now: datetime
) -> Mail:
    values: dict[str, Value] = {
        "link": f"{resources.public_url}/login/magic-link/{token}",
        "email": address.display,
        "minutes": int(LIFETIME.total_seconds() // 60),
        "host": resources.public_url.partition("://")[2],
    }
    kind: Literal["magic_link", "confirm_google"] = "magic_link" if confirms is None else "confirm_google"
    return Mail(kind, address.display, values, useless_after=now + LIFETIME)


async def find_magic_link(resources: IdentityResources, token: str) -> MagicLink | None:
    """Return what a link says, ``None`` when it is not ours. Changes nothing."""
    if not _SHAPE.fullmatch(token):
        return None
    row = await resources.pool.fetchrow(
        f"select {_COLUMNS} from identity.magic_links where token_hash = $1", link_hash(token)
    )
    return None if row is None else _read(row, resources.clock())


async def use_magic_link(connection: Executor, link: MagicLink, now: datetime) -> bool:
    """Use a link up, and with it all that were mailed to the same address. Of all who try, one is told ``True``."""
    used = await connection.fetchval(
        "with used as ("
        " update identity.magic_links set used_at = $2 where token_hash = $1 and used_at is null and expires_at > $2"
        " returning email_key, token_hash"
        "), others as ("
        " update identity.magic_links l set used_at = $2 from used"
        " where l.email_key = used.email_key and l.token_hash <> used.token_hash and l.used_at is null"
        ") select true from used",
        link.token_hash,
        now,
    )
    return bool(used)


async def is_unused(connection: Executor, link: MagicLink, now: datetime) -> bool:
    """Whether the link can still be used. Changes nothing."""
    return bool(
        await connection.fetchval(
            "select true from identity.magic_links where token_hash = $1 and used_at is null and expires_at > $2",
            link.token_hash,
            now,
        )
    )


def _read(row: asyncpg.Record, now: datetime) -> MagicLink | None:
    address = read_address(row["email"])
    if address is None:
        return None
    state: Literal["open", "used", "ended"] = "open"
    if row["used_at"] is not None:
        state = "used"
    elif row["expires_at"] <= now:
        state = "ended"
    confirms = None if row["issuer"] is None else UserIdentity(row["issuer"], row["subject"])
    return MagicLink(row["token_hash"], address, row["target"], confirms, state)
