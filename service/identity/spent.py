"""What may be used once, whichever instance is asked: remembered by its hash for as long as it could be used."""

from datetime import datetime

from service.identity.resources import Executor


async def spend(connection: Executor, digest: bytes, expires_at: datetime) -> bool:
    """Use something up. Of all who try, one is told ``True``. ``digest`` is a SHA-256 of what identifies it."""
    first = await connection.fetchval(
        "insert into identity.spent_attempts (attempt_hash, expires_at) values ($1, $2)"
        " on conflict do nothing returning true",
        digest,
        expires_at,
    )
    return bool(first)
