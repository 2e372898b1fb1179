"""Which credentials a login attempt runs under: those it began under, for as long as the workspace has them in use."""

from typing import Final

from events.workspace import Workspace
from events.workspace_values import Credentials
from service.db import Executor
from service.login.attempt import Attempt

# What is given up by a rollback is in no read model, but in the history.
_LAST_SWITCHES: Final = """
    select type, body -> 'data' ->> 'credentials_id' as credentials_id
    from ledger.events
    where stream_id = $1
      and type in ('CredentialsSet', 'CredentialsPromoted', 'CredentialsRolledBack', 'CredentialsRemoved')
    order by version desc limit 2
"""


def credentials_of(connection: Workspace, attempt: Attempt) -> Credentials | None:
    """Return the attempt's own credentials, ``None`` when they are no longer in use.

    A sign-in runs under the active credentials, a test under the staged or the active ones. Those that were discarded,
    removed or promoted away are nobody's any more.
    """
    active = (connection.credentials,)
    candidates = (connection.staged, *active) if attempt.kind == "test" else active
    bound = (attempt.credentials_id, attempt.issuer, attempt.client_id)
    return next(
        (one for one in candidates if one is not None and (one.credentials_id, one.issuer, one.client_id) == bound),
        None,
    )


async def switched_away(executor: Executor, connection: Workspace, attempt: Attempt) -> bool:
    """Whether a promotion or a rollback replaced a sign-in's credentials under way: starting again is all it takes."""
    if attempt.kind == "test":
        return False
    former = connection.former
    if former is not None and former.credentials_id == attempt.credentials_id:
        return True
    rows = await executor.fetch(_LAST_SWITCHES, attempt.slug)
    return [row["type"] for row in rows] == ["CredentialsRolledBack", "CredentialsPromoted"] and (
        rows[1]["credentials_id"] == attempt.credentials_id
    )
