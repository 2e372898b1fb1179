"""Appends what happened to a workspace's people, in the transaction of the rows that changed, and last in it.

From an append until its transaction ends, nobody else can append anywhere.
"""

from collections.abc import Sequence
from uuid import UUID

from events.catalogue.event_data import EventData
from events.envelope import Actor, Context, NewEvent
from events.workspace import Workspace
from service.identity.resources import Connection, IdentityResources


def member_acts(member_id: UUID, request_id: str) -> Context:
    """Return the context of what a member's own sign-in causes."""
    return Context(Actor("member", str(member_id)), correlation_id=request_id)


async def append(
    resources: IdentityResources,
    connection: Connection,
    workspace: Workspace,
    data: Sequence[EventData],
    context: Context,
) -> None:
    """Append events at exactly the workspace's version.

    Raises:
        VersionConflict: the stream has moved on; the caller's transaction has to start again.
        StoreBusy: the log was locked for too long.
    """
    if not data:
        return
    prepared = resources.store.prepare([NewEvent.of(one) for one in data], context)
    document = workspace.after(prepared).to_document()
    await resources.store.append(workspace.slug, workspace.version, prepared, document, conn=connection)
