"""Which credentials a login attempt runs under: those it began under, for as long as the workspace has them in use."""

from events.workspace import Workspace
from events.workspace_values import Credentials
from service.login.attempt import Attempt


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


def promoted_away(connection: Workspace, attempt: Attempt) -> bool:
    """Whether a sign-in was under way when a promotion replaced its credentials: starting again is all it takes."""
    former = connection.former
    return attempt.kind != "test" and former is not None and former.credentials_id == attempt.credentials_id
