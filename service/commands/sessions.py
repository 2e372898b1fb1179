"""Ends the sessions whose ground a change takes away; they would be refused anyway, and nobody should keep them."""

from collections.abc import Iterable
from uuid import UUID

from events.envelope import Prepared
from events.workspace import Workspace
from service.db import Connection
from service.identity.session_ends import end_bypass, end_sessions_of_other_issuers, end_sso_sessions


async def end_sessions(connection: Connection, before: Workspace, after: Workspace, events: Iterable[Prepared]) -> None:
    """End what SSO opened, of one domain's people, of another issuer's or of all, with the events that say so.

    What a bypass opened ends with its revocation. What has ended stays so when the change is taken back: people sign in
    again.
    """
    slug = before.slug
    for event in events:
        if event.type == "DomainRemoved":
            await end_sso_sessions(connection, slug, domain=event.data["domain"])
        elif event.type in {"SsoDisabled", "CredentialsRemoved", "WorkspaceClosed"}:
            await end_sso_sessions(connection, slug)
        elif event.type == "BypassRevoked":
            await end_bypass(connection, slug, UUID(event.data["member_id"]))
    if before.credentials is not None and after.credentials is not None:
        issuer = after.credentials.issuer
        if issuer != before.credentials.issuer:
            await end_sessions_of_other_issuers(connection, slug, issuer)
