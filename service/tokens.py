"""Bearer tokens of the management API: 256 random bits, kept as their SHA-256, with a role, a name and an end.

A token's name is never given to a second token, so that it can stand for its holder in the history.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from pydantic import SecretStr

from events.envelope import Actor
from service.db import Connection

PREFIX: Final = "klt_"
TOKEN_BYTES: Final = 32
SHAPE: Final = re.compile(r"klt_[A-Za-z0-9_-]{43}")
USED_PRECISION: Final = timedelta(minutes=1)

StaffRole = Literal["support", "auditor", "operator"]
Access = Literal["public", "read", "write"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a good token belongs to."""

    token_id: UUID
    name: str
    role: StaffRole

    @property
    def actor(self) -> Actor:
        """The actor of every event that this token causes."""
        return Actor("token", self.name)


def may(role: StaffRole, access: Access) -> bool:
    """Whether a token of this role may do what takes this access: auditors read, support and operators also write."""
    return access != "write" or role != "auditor"


def new_token() -> SecretStr:
    """Return a fresh token."""
    return SecretStr(PREFIX + secrets.token_urlsafe(TOKEN_BYTES))


def token_hash(token: SecretStr) -> bytes:
    """Return what is kept of a token. It holds 256 random bits, so that a plain hash cannot be reversed by guessing."""
    return hashlib.sha256(token.get_secret_value().encode()).digest()


async def find_principal(connection: Connection, token: SecretStr, now: datetime) -> Principal | None:
    """Return who the token belongs to, or ``None`` when it is unknown, revoked or expired at ``now``.

    Notes the use, at most once a minute.
    """
    if not SHAPE.fullmatch(token.get_secret_value()):
        return None
    digest = token_hash(token)
    row = await connection.fetchrow(
        "select token_id, token_hash, name, role, expires_at, revoked_at, last_used_at"
        " from identity.api_tokens where token_hash = $1",
        digest,
    )
    if row is None or not hmac.compare_digest(row["token_hash"], digest):
        return None
    if row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= now):
        return None
    if row["last_used_at"] is None or row["last_used_at"] <= now - USED_PRECISION:
        await connection.execute(
            "update identity.api_tokens set last_used_at = $2"
            " where token_id = $1 and (last_used_at is null or last_used_at <= $3)",
            row["token_id"],
            now,
            now - USED_PRECISION,
        )
    return Principal(row["token_id"], row["name"], row["role"])
