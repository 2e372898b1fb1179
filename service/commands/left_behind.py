"""Forgets what was kept for credentials that no way leads back to."""

from events.workspace import Workspace
from service.db import Connection


async def forget_left_behind(connection: Connection, before: Workspace, after: Workspace) -> None:
    """Delete sealed secrets, and what was learned, of credentials that were none of a workspace's before this change.

    Those that this change leaves behind go with the next one: sign-ins that are under way under them are told that they
    were replaced, and not that their secret is gone.
    """
    kept = [
        one.credentials_id
        for state in (before, after)
        for one in (state.credentials, state.staged, state.former)
        if one is not None
    ]
    await connection.execute(
        "delete from ledger.secrets where stream_id = $1 and credentials_id <> all ($2)", before.slug, kept
    )
    await connection.execute(
        "delete from identity.signing_algorithms where workspace = $1 and credentials_id <> all ($2)", before.slug, kept
    )
