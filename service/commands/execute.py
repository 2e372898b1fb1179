"""Changes one workspace: lock, read, decide, append, tell the owners, keep the answer; all of it or nothing."""

import time
from collections.abc import Awaitable, Callable, Sequence

import structlog

from events.envelope import Recorded
from events.store import VersionConflict
from events.workspace import Workspace
from service.commands.asking import Asker
from service.commands.deciding import Deciding
from service.commands.idempotency import Kept, find_kept, keep
from service.commands.people import PeopleCommands
from service.commands.proposals import Change, Explanation
from service.commands.providers import refuse_many_providers, resolve
from service.commands.reading import read_workspace
from service.commands.resources import CommandResources
from service.commands.terms import NO_TERMS, Extra, Outcome, Terms
from service.db import Connection, transaction
from service.errors import Busy, VersionStale, WorkspaceUnknown
from service.identity.change import Change as PeopleChange
from service.identity.known import lock_workspace

log = structlog.get_logger("commands")

TRIES = 8

Body = Callable[[Connection, Workspace], Awaitable[tuple[Sequence[Recorded], Extra]]]


class WorkspaceCommands:
    """The one place where a workspace's configuration is changed, whoever asks."""

    def __init__(self, resources: CommandResources) -> None:
        self.resources = resources
        self.people = PeopleCommands(self)

    async def execute(self, slug: str, changes: Sequence[Change], asker: Asker, terms: Terms = NO_TERMS) -> Outcome:
        """Carry out all changes in order, or none of them.

        A change that would change nothing records nothing. Without an expected version, a change that others got in
        the way of is judged anew on what they left.

        Raises:
            Refusal: why nothing changed, such as ``workspace_unknown``, ``version_conflict``, ``idempotency_conflict``,
                ``provider_unreachable``, or what the decisions refuse.
        """
        kept = await self.kept(slug, terms)
        if kept is not None:
            return kept
        # The provider is asked before anything is locked: it may take its time.
        refuse_many_providers([change.command for change in changes])
        providers = [await resolve(self.resources, change.command) for change in changes]
        names = self.resources.identity.names
        contexts = [await asker.context(names, change.explanation, terms.idempotency) for change in changes]

        async def body(connection: Connection, workspace: Workspace) -> tuple[Sequence[Recorded], Extra]:
            deciding = Deciding(self.resources, connection, workspace, asker)
            for change, context, provider in zip(changes, contexts, providers, strict=True):
                await deciding.take(change, context, provider)
            return await deciding.append(), {}

        return await self._changed(slug, asker, terms, body)

    async def change_people(
        self,
        slug: str,
        explanation: Explanation,
        asker: Asker,
        work: Callable[[PeopleChange], Awaitable[Extra]],
        terms: Terms = NO_TERMS,
    ) -> Outcome:
        """Carry out a change to the workspace's people, and return with its events what ``work`` returned.

        Raises:
            Refusal: see ``execute``.
        """
        context = await asker.context(self.resources.identity.names, explanation, terms.idempotency)

        async def body(connection: Connection, workspace: Workspace) -> tuple[Sequence[Recorded], Extra]:
            before = workspace.version
            now = self.resources.identity.clock()
            change = PeopleChange(self.resources.identity, connection, workspace, context, now)
            extra = await work(change)
            await change.append()
            return await self.resources.identity.store.read_stream(slug, before, conn=connection), extra

        return await self._changed(slug, asker, terms, body)

    async def _changed(self, slug: str, asker: Asker, terms: Terms, body: Body) -> Outcome:
        began = time.monotonic()
        for _ in range(TRIES):
            try:
                async with transaction(self.resources.identity.pool) as connection:
                    outcome = await self._try(connection, slug, terms, body)
            except VersionConflict:
                # Sign-ins append without the lock; without a version from the caller, their events do not matter here.
                continue
            if not outcome.replayed:
                self._tell(slug, asker, outcome, time.monotonic() - began)
            return outcome
        raise Busy

    async def _try(self, connection: Connection, slug: str, terms: Terms, body: Body) -> Outcome:
        if not await lock_workspace(connection, slug):
            raise WorkspaceUnknown(slug)
        kept = await self.kept(slug, terms, connection)
        if kept is not None:
            return kept
        workspace = await read_workspace(connection, self.resources.identity.store, slug)
        if terms.expected_version not in {None, workspace.version}:
            raise VersionStale(terms.expected_version or 0, workspace.version)
        events, extra = await body(connection, workspace)
        version = events[-1].version if events else workspace.version
        position = events[-1].position if events else workspace.position
        if terms.idempotency is not None:
            answer = Kept(workspace.version + 1, version, position, extra)
            await keep(connection, self.resources.idempotency, slug, terms.idempotency, answer)
        return Outcome(events, version, position, extra)

    async def kept(self, slug: str, terms: Terms, connection: "Connection | None" = None) -> Outcome | None:
        """Return the kept answer to this very request, if it was made before.

        Raises:
            Refusal: ``idempotency_conflict``.
        """
        if terms.idempotency is None:
            return None
        source = connection or self.resources.identity.pool
        kept = await find_kept(source, self.resources.idempotency, slug, terms.idempotency)
        if kept is None:
            return None
        events: list[Recorded] = []
        if kept.last >= kept.first:
            count = kept.last - kept.first + 1
            events = await self.resources.identity.store.read_stream(slug, kept.first - 1, count, conn=connection)
        return Outcome(events, kept.last, kept.position, kept.extra, replayed=True)

    def _tell(self, slug: str, asker: Asker, outcome: Outcome, seconds: float) -> None:
        for event in outcome.events:
            self.resources.metrics.appended(event.type)
        log.info(
            "workspace_changed" if outcome.events else "workspace_unchanged",
            workspace=slug,
            events=[event.type for event in outcome.events],
            version=outcome.version,
            actor=f"{asker.actor.type}:{asker.actor.id}",
            milliseconds=round(seconds * 1000),
        )
