"""Registers workspaces: the slug is taken for ever, the first owner is invited, the websites are noted."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from events.commands.configuration import RegisterWorkspace
from events.decisions import Facts, decide
from events.envelope import Context, Recorded
from events.store import NO_STREAM, VersionConflict
from events.workspace import Workspace
from service.commands.asking import Asker
from service.commands.execute import WorkspaceCommands
from service.commands.idempotency import Kept, keep
from service.commands.proposals import Explanation
from service.commands.resources import CommandResources
from service.commands.terms import Outcome, Terms
from service.db import Connection, transaction
from service.errors import SlugTaken
from service.identity.change import Change
from service.identity.invitations import invite

log = structlog.get_logger("commands")


@dataclass(frozen=True)
class Registration:
    """A workspace to be. ``owner_email`` is invited as owner; ``websites`` are the host application's ids."""

    command: RegisterWorkspace
    explanation: Explanation
    owner_email: str | None = None
    websites: Sequence[str] = ()


class Registry:
    """Registers workspaces."""

    def __init__(self, commands: WorkspaceCommands) -> None:
        self._commands = commands
        self._resources: CommandResources = commands.resources

    async def register(self, registration: Registration, asker: Asker, terms: Terms) -> Outcome:
        """Register a workspace, and invite its first owner in the same transaction.

        Raises:
            Refusal: ``slug_taken``, ``idempotency_conflict``, ``data_invalid`` when the owner's address is none.
        """
        slug = registration.command.slug
        context = await asker.context(self._resources.identity.names, registration.explanation, terms.idempotency)
        async with transaction(self._resources.identity.pool) as connection:
            if not await _claim(connection, slug):
                kept = await self._commands.kept(slug, terms, connection)
                if kept is None:
                    raise SlugTaken(slug)
                return kept
            events = await self._register(connection, registration, asker, context)
            outcome = Outcome(events, events[-1].version, events[-1].position)
            if terms.idempotency is not None:
                answer = Kept(1, outcome.version, outcome.position, {})
                await keep(connection, self._resources.idempotency, slug, terms.idempotency, answer)
        for event in events:
            self._resources.metrics.appended(event.type)
        log.info("workspace_registered", workspace=slug, actor=f"{asker.actor.type}:{asker.actor.id}")
        return outcome

    async def _register(
        self, connection: Connection, registration: Registration, asker: Asker, context: Context
    ) -> list[Recorded]:
        identity, slug = self._resources.identity, registration.command.slug
        now = identity.clock()
        facts = Facts(now=now, actor=asker.actor, acting_role=asker.role, reason=registration.explanation.reason)
        decided = decide(None, registration.command, facts, identity.rules)
        prepared = identity.store.prepare(decided, context)
        state = Workspace(slug).after(prepared)
        try:
            await identity.store.append(slug, NO_STREAM, prepared, state.to_document(), conn=connection)
        except VersionConflict:
            raise SlugTaken(slug) from None
        await connection.executemany(
            "insert into identity.websites (workspace, website_id, created_at) values ($1, $2, $3)",
            [(slug, website, now) for website in registration.websites],
        )
        if registration.owner_email is not None:
            change = Change(identity, connection, state, context, now)
            await invite(change, registration.owner_email, "owner", "all")
            await change.append()
        return await identity.store.read_stream(slug, conn=connection)


async def _claim(connection: Connection, slug: str) -> bool:
    claimed = await connection.fetchval(
        "insert into identity.workspaces (slug) values ($1) on conflict do nothing returning slug", slug
    )
    return claimed is not None
