"""One change to a workspace's people: lock, read the state, decide, write rows and events; all of it or nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from events.commands import Command
from events.decisions import Facts, MemberFact, decide
from events.envelope import Context, NewEvent, Prepared
from events.store import StoreBusy, VersionConflict
from events.workspace import Workspace
from service.db import transaction
from service.errors import Busy, WorkspaceUnknown
from service.identity.facts import owner_facts
from service.identity.known import lock_workspace
from service.identity.notices import notify_owners
from service.identity.people import Role
from service.identity.read_model import read_workspace
from service.identity.resources import Connection, IdentityResources

T = TypeVar("T")
TRIES: Final = 5


@dataclass(slots=True)
class Change:
    """A change under way, in a transaction that holds the workspace's lock. ``workspace`` follows what is decided."""

    resources: IdentityResources
    connection: Connection
    workspace: Workspace
    context: Context
    now: datetime
    prepared: list[Prepared] = field(default_factory=list)

    async def decide(self, command: Command, member: MemberFact | None = None) -> Sequence[NewEvent]:
        """Decide a command on the present state and facts; nothing, if it changes nothing.

        The events are appended when the change ends, and the owners told of those that say who gets in.

        Raises:
            Refusal: what the decision refuses.
        """
        facts = Facts(
            now=self.now,
            actor=self.context.actor,
            acting_role=await self._acting_role(),
            reason=self.context.reason,
            owners=await owner_facts(self.connection, self.workspace),
            member=member,
        )
        events = decide(self.workspace, command, facts, self.resources.rules)
        prepared = self.resources.store.prepare(events, self.context)
        self.workspace = self.workspace.after(prepared)
        self.prepared.extend(prepared)
        await notify_owners(self.connection, self.resources.box, self.workspace, events, self.context, self.now)
        return events

    async def append(self) -> None:
        """Append what was decided. Last in the transaction: from here on nobody else can append anywhere.

        Raises:
            VersionConflict: the stream has moved on.
        """
        if self.prepared:
            expected = self.workspace.version - len(self.prepared)
            document = self.workspace.to_document()
            await self.resources.store.append(
                self.workspace.slug, expected, self.prepared, document, conn=self.connection
            )

    async def _acting_role(self) -> Role | None:
        if self.context.actor.type != "member":
            return None
        role: Role | None = await self.connection.fetchval(
            "select role from identity.members where workspace = $1 and member_id::text = $2 and status = 'active'",
            self.workspace.slug,
            self.context.actor.id,
        )
        return role


async def change_workspace(
    resources: IdentityResources, slug: str, context: Context, work: Callable[[Change], Awaitable[T]]
) -> T:
    """Run ``work`` on the workspace's committed state, again from the start when somebody else's change came first.

    Raises:
        WorkspaceUnknown: there is none with this slug.
        Busy: others came first each time.
        Refusal: what ``work`` refuses; nothing has changed then.
    """
    for _ in range(TRIES):
        try:
            async with transaction(resources.pool) as connection:
                if not await lock_workspace(connection, slug):
                    raise WorkspaceUnknown(slug)
                workspace = await read_workspace(connection, slug)
                if workspace is None:
                    raise WorkspaceUnknown(slug)
                change = Change(resources, connection, workspace, context, resources.clock())
                result = await work(change)
                await change.append()
                return result
        except VersionConflict:
            continue
        except StoreBusy:
            break
    raise Busy
