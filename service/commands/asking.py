"""Who asks for a change, as authentication found out."""

from dataclasses import dataclass
from typing import Literal

from events.catalogue.event_data import Role
from events.envelope import Actor, Context
from events.names import Names
from service.commands.idempotency import Idempotency
from service.commands.proposals import Explanation


@dataclass(frozen=True)
class Asker:
    """The actor, the request, and the role of an acting member (``recovery`` for an owner in a recovery session)."""

    actor: Actor
    request_id: str | None = None
    role: Role | Literal["recovery"] | None = None

    async def context(self, names: Names, explanation: Explanation, idempotency: Idempotency | None = None) -> Context:
        """Return what all events of a change carry. Whoever asked for it stands there by the id of the name.

        Outside any transaction: a name that is new is committed by itself.
        """
        asked = explanation.requested_by
        return Context(
            self.actor,
            reason=explanation.reason,
            correlation_id=self.request_id,
            idempotency_key=None if idempotency is None else idempotency.key,
            requested_by=None if asked is None else await names.resolve(asked),
            ticket=explanation.ticket,
            requested_by_name=asked,
        )
