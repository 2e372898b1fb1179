"""Ends the sessions whose ground a change takes away; they would be refused anyway, and nobody should keep them."""

from collections.abc import Iterable

from events.envelope import Prepared
from service.db import Connection
from service.identity.session_ends import end_sso_sessions


async def end_sessions(connection: Connection, slug: str, events: Iterable[Prepared]) -> None:
    """End what SSO opened, of one domain's people or of all, in the transaction of the events that say so."""
    for event in events:
        if event.type == "DomainRemoved":
            await end_sso_sessions(connection, slug, domain=event.data["domain"])
        elif event.type in {"SsoDisabled", "CredentialsRemoved", "WorkspaceClosed"}:
            await end_sso_sessions(connection, slug)
