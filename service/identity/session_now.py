"""Whose session a request came with, looked at again: what happened since may have made it another user's."""

from dataclasses import replace
from uuid import UUID

from service.identity.resources import Executor
from service.identity.session_values import LiveSession


async def session_now(connection: Executor, session: LiveSession | None) -> LiveSession | None:
    """Return the session as its user's of this moment, ``None`` when it has ended.

    A mailed link that is answered in another window of the same browser gives it to the mailbox's user.
    """
    if session is None:
        return None
    user_id: UUID | None = await connection.fetchval(
        "select user_id from identity.sessions where session_hash = $1", session.session_hash
    )
    return None if user_id is None else replace(session, user_id=user_id)
