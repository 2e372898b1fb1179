"""What a change would do: decided and taken in by a copy, and everybody judged again by the policy; nothing recorded.

Before and after are judged by the same facts about people, so that what differs is the change's doing alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from events.decisions import Facts, ResolvedCredentials, decide
from events.envelope import Context, NewEvent
from events.ids import uuid7
from events.refusals import Refusal
from events.workspace import Workspace
from service.commands.asking import Asker
from service.commands.facts import facts_about
from service.commands.judging import Judgements, judge_members, judge_sign_ins
from service.commands.proposals import Change
from service.commands.providers import Provider, resolve
from service.commands.reading import read_workspace
from service.commands.resources import CommandResources
from service.db import Connection, borrowed
from service.identity.facts import owner_facts

UNKNOWN_DIGEST: Final = "0" * 64
NO_FINGERPRINT: Final = "proposed"


@dataclass(frozen=True, slots=True)
class Proposed:
    """What one proposed event would come to: the events it would record, or the refusal."""

    type: str
    events: Sequence[NewEvent] = ()
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a change would do.

    ``after`` is the configuration with all that was not refused; a real change records all of it or nothing.
    """

    before: Workspace
    after: Workspace
    proposed: Sequence[Proposed]
    members: Judgements
    sign_ins: Judgements


@dataclass
class _Imagining:
    """The changes of one request, on a copy, in a transaction that cannot write."""

    resources: CommandResources
    connection: Connection
    asker: Asker
    state: Workspace
    proposed: list[Proposed] = field(default_factory=list)

    async def take(self, change: Change, provider: Provider | Refusal | None) -> None:
        name = change.command.emits
        try:
            if isinstance(provider, Refusal):
                raise provider
            decided = await self._decide(change, provider)
        except Refusal as refusal:
            self.proposed.append(Proposed(name, refusal=refusal))
            return
        # Who asked for it gets no id of a name: nothing is recorded, and nobody is named.
        context = Context(self.asker.actor, reason=change.explanation.reason, ticket=change.explanation.ticket)
        self.state = self.state.after(self.resources.identity.store.prepare(decided, context))
        self.proposed.append(Proposed(name, decided))

    async def _decide(self, change: Change, provider: Provider | None) -> list[NewEvent]:
        facts = Facts(
            now=self.resources.identity.clock(),
            actor=self.asker.actor,
            acting_role=self.asker.role,
            reason=change.explanation.reason,
            owners=await owner_facts(self.connection, self.state),
        )
        facts = await facts_about(self.connection, self.state, change.command, facts)
        if provider is not None:
            facts = replace(facts, credentials=_unsealed(provider))
        return decide(self.state, change.command, facts, self.resources.identity.rules)


async def what_if(
    resources: CommandResources, slug: str, changes: Sequence[Change], asker: Asker, sign_ins: int
) -> WhatIf:
    """Return what the changes would do to all members and to the last ``sign_ins`` sign-ins.

    The transaction is read-only: PostgreSQL itself refuses whatever would record something. Providers that proposed
    credentials name are asked, as they would be for a change.

    Raises:
        Refusal: ``workspace_unknown``. What refuses a change is part of the answer.
    """
    providers = [await _resolved(resources, change) for change in changes]
    async with (
        borrowed(resources.identity.pool) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        before = await read_workspace(connection, resources.identity.store, slug)
        imagining = _Imagining(resources, connection, asker, before)
        for change, provider in zip(changes, providers, strict=True):
            await imagining.take(change, provider)
        now = resources.identity.clock()
        return WhatIf(
            before,
            imagining.state,
            imagining.proposed,
            await judge_members(connection, before, imagining.state, now),
            await judge_sign_ins(connection, before, imagining.state, now, sign_ins),
        )


async def _resolved(resources: CommandResources, change: Change) -> Provider | Refusal | None:
    try:
        return await resolve(resources, change.command)
    except Refusal as refusal:
        return refusal


def _unsealed(provider: Provider) -> ResolvedCredentials:
    """Return what the event would carry. The secret is not sealed, since nothing of it is kept."""
    return ResolvedCredentials(
        credentials_id=str(uuid7()),
        provider_kind=provider.kind,
        issuer=provider.issuer,
        client_id=provider.client_id,
        secret_id=str(uuid7()),
        secret_digest=UNKNOWN_DIGEST,
        secret_fingerprint=NO_FINGERPRINT,
        auth_method=provider.auth_method,
        email_verified=provider.email_verified,
        subject_type=provider.subject_type,
    )
