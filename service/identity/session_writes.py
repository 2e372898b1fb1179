"""Writes the session that a sign-in opens, in the transaction of the sign-in."""

from typing import Final

from service.identity.resources import Executor
from service.identity.session_values import NewSession

_OPEN: Final = """
    insert into identity.sessions (session_hash, user_id, data, created_at, last_seen_at, absolute_expires_at)
    values ($1, $2, identity.replace_session($6, $3), $4, $4, $5)
"""


async def write_session(connection: Executor, session: NewSession) -> None:
    """Write the session and end the one that it replaces.

    Earlier authentications come along only as far as the replaced session still holds them at this moment: one that was
    ended meanwhile hands nothing on.
    """
    await connection.execute(
        _OPEN,
        session.session_hash,
        session.user_id,
        session.data_json,
        session.created_at,
        session.expires_at,
        session.replaces,
    )
