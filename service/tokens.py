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
from uuid import UUID, uuid4

from pydantic import SecretStr

from events.catalogue.event_data import EventData
from events.catalogue.instants import write_instant
from events.catalogue.system import SYSTEM_STREAM, ApiTokenCreated, ApiTokenRevoked
from events.envelope import Actor, Context, NewEvent
from events.names import Names
from events.refusals import Refusal
from events.store import ANY_VERSION, EventStore
from service.db import Connection, Executor, Pool, transaction

PREFIX: Final = "klt_"
TOKEN_BYTES: Final = 32
SHAPE: Final = re.compile(r"klt_[A-Za-z0-9_-]{43}")
NAME: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")
USED_PRECISION: Final = timedelta(minutes=1)

StaffRole = Literal["support", "auditor", "operator"]
Access = Literal["public", "read", "write"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a good token belongs to."""

    token_id: UUID
    name: str
    name_id: str
    role: StaffRole

    @property
    def actor(self) -> Actor:
        """The actor of every event that this token causes, named there by the id of its name."""
        return Actor("token", self.name_id, self.name)


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token as it is listed: everything but itself."""

    name: str
    name_id: str
    role: StaffRole
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    def status(self, now: datetime) -> Literal["good", "revoked", "expired"]:
        """Return whether the token is good at this moment."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "good"


NOBODY: Final = Principal(UUID(int=0), "nobody", "nobody", "auditor")
"""Who asks for what is public."""


def may(role: StaffRole, access: Access) -> bool:
    """Whether a token of this role may do what takes this access: auditors read, support and operators also write."""
    return access != "write" or role != "auditor"


def new_token() -> SecretStr:
    """Return a fresh token."""
    return SecretStr(PREFIX + secrets.token_urlsafe(TOKEN_BYTES))


def token_hash(token: SecretStr) -> bytes:
    """Return what is kept of a token. It holds 256 random bits, so that a plain hash cannot be reversed by guessing."""
    return hashlib.sha256(token.get_secret_value().encode()).digest()


async def find_principal(connection: Executor, token: SecretStr, now: datetime) -> Principal | None:
    """Return who the token belongs to, or ``None`` when it is unknown, revoked or expired at ``now``.

    Notes the use, at most once a minute.
    """
    if not SHAPE.fullmatch(token.get_secret_value()):
        return None
    digest = token_hash(token)
    row = await connection.fetchrow(
        "select token_id, token_hash, name, name_id, role, expires_at, revoked_at, last_used_at"
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
    return Principal(row["token_id"], row["name"], row["name_id"], row["role"])


async def create_token(
    pool: Pool,
    store: EventStore,
    names: Names,
    name: str,
    role: StaffRole,
    context: Context,
    expires_at: datetime | None = None,
) -> SecretStr:
    """Make a token, record that it was made, and return it; it cannot be shown again.

    Raises:
        Refusal: ``data_invalid`` when the name cannot be one, or belongs to another token, even a revoked one.
    """
    token_id, token = uuid4(), new_token()
    ends = None if expires_at is None else write_instant(expires_at)
    if not NAME.fullmatch(name):
        sentence = "A token's name has 1 to 64 letters, digits, dots, hyphens, underscores or @."
        raise Refusal("data_invalid", sentence)
    holder = await names.resolve(name)
    event = ApiTokenCreated(token_id=str(token_id), holder=holder, role=role, expires_at=ends)
    async with transaction(pool) as connection:
        # The append's lock makes one after the other of what else could give a name twice.
        await _append(connection, store, event, context)
        if await connection.fetchval("select exists (select from identity.api_tokens where name = $1)", name):
            raise Refusal("data_invalid", f"The name {name} belongs to a token already. Names are never used again.")
        await connection.execute(
            "insert into identity.api_tokens (token_id, token_hash, name, name_id, role, expires_at)"
            " values ($1, $2, $3, $4, $5, $6)",
            token_id,
            token_hash(token),
            name,
            holder,
            role,
            expires_at,
        )
    return token


async def revoke_token(pool: Pool, store: EventStore, name: str, context: Context) -> bool:
    """Revoke a token at once. ``False`` when it was revoked already.

    Raises:
        Refusal: ``not_found``.
    """
    async with transaction(pool) as connection:
        row = await connection.fetchrow(
            "select token_id, revoked_at from identity.api_tokens where name = $1 for update", name
        )
        if row is None:
            raise Refusal("not_found", "There is no token of this name. See: keyledger token list")
        if row["revoked_at"] is not None:
            return False
        await connection.execute(
            "update identity.api_tokens set revoked_at = clock_timestamp() where token_id = $1", row["token_id"]
        )
        await _append(connection, store, ApiTokenRevoked(token_id=str(row["token_id"])), context)
    return True


async def list_tokens(pool: Pool) -> list[TokenLine]:
    """Return all tokens, oldest first, the revoked and expired among them."""
    rows = await pool.fetch(
        "select name, name_id, role, created_at, expires_at, revoked_at, last_used_at"
        " from identity.api_tokens order by created_at"
    )
    return [TokenLine(**row) for row in rows]


async def _append(connection: Connection, store: EventStore, data: EventData, context: Context) -> None:
    prepared = store.prepare([NewEvent.of(data)], context)
    # Nothing is decided on the system stream's state, so that whatever version it has is the right one.
    await store.append(SYSTEM_STREAM, ANY_VERSION, prepared, conn=connection)
