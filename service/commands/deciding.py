"""Takes changes one after the other, each on the state that the ones before it led to, and appends them together."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal

from events.catalogue.event_data import Role
from events.decisions import Facts, MemberFact, decide
from events.envelope import Context, NewEvent, Prepared, Recorded
from events.refusals import Refusal
from events.workspace import Workspace
from service.commands.asking import Asker
from service.commands.facts import facts_about
from service.commands.left_behind import forget_left_behind
from service.commands.proposals import Change
from service.commands.providers import Provider, seal
from service.commands.resources import CommandResources
from service.commands.sessions import end_sessions
from service.db import Connection
from service.identity.facts import owner_facts
from service.identity.notices import notify_owners


@dataclass
class Deciding:
    """The changes of one request, in a transaction that holds the workspace's lock."""

    resources: CommandResources
    connection: Connection
    before: Workspace
    asker: Asker
    prepared: list[Prepared] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)
    state: Workspace = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.before

    async def take(self, change: Change, context: Context, provider: Provider | None) -> None:
        """Decide one change on the state so far; ``context`` is what its events carry.

        Raises:
            Refusal: what the decision refuses.
        """
        owners = await owner_facts(self.connection, self.state)
        facts = Facts(
            now=self.resources.identity.clock(),
            actor=self.asker.actor,
            acting_role=self._acting_role(owners),
            reason=context.reason,
            owners=owners,
        )
        self._refuse_ended_link(facts)
        facts = await facts_about(self.connection, self.state, change.command, facts)
        if provider is None:
            decided = decide(self.state, change.command, facts, self.resources.identity.rules)
        else:
            decided = await self._decide_sealed(change, provider, facts)
        self._add(decided, context)

    def _acting_role(self, owners: Sequence[MemberFact]) -> Role | Literal["recovery"] | None:
        """What authentication found out holds for an owner only while they are one: others may change it meanwhile."""
        if self.asker.role is None or any(owner.member_id == self.asker.actor.id for owner in owners):
            return self.asker.role
        return None

    def _refuse_ended_link(self, facts: Facts) -> None:
        if facts.actor.type != "setup":
            return
        link = self.before.setup_links.get(facts.actor.id)
        if link is None or link.expires_at <= facts.now:
            raise Refusal("forbidden", "The set-up link has ended or was revoked. Ask whoever sent it for a new one.")

    async def _decide_sealed(self, change: Change, provider: Provider, facts: Facts) -> list[NewEvent]:
        """Seal the secret first, since the event names it; what is not needed after all leaves no row behind."""
        sealing = self.connection.transaction()
        await sealing.start()
        try:
            resolved = await seal(self.resources, self.connection, self.state.slug, provider)
            decided = decide(
                self.state, change.command, replace(facts, credentials=resolved), self.resources.identity.rules
            )
        except BaseException:
            await sealing.rollback()
            raise
        await (sealing.commit() if decided else sealing.rollback())
        return decided

    def _add(self, decided: Sequence[NewEvent], context: Context) -> None:
        prepared = self.resources.identity.store.prepare(decided, context)
        self.prepared += prepared
        self.contexts += [context] * len(prepared)
        self.state = self.state.after(prepared)

    async def append(self) -> Sequence[Recorded]:
        """Tell the owners, and append everything at exactly the version that was decided on; nothing, if it is nothing.

        Raises:
            VersionConflict: somebody appended meanwhile.
        """
        if not self.prepared:
            return ()
        told = zip(self.prepared, self.contexts, strict=True)
        for context, events in groupby(told, key=lambda pair: pair[1]):
            await notify_owners(
                self.connection,
                self.resources.identity.box,
                self.before,
                [event for event, _ in events],
                context,
                self.resources.identity.clock(),
            )
        await end_sessions(self.connection, self.before, self.state, self.prepared)
        if any(event.type.startswith("Credentials") for event in self.prepared):
            await forget_left_behind(self.connection, self.before, self.state)
        document = self.state.to_document()
        appended = await self.resources.identity.store.append(
            self.before.slug, self.before.version, self.prepared, document, conn=self.connection
        )
        return appended.recorded
