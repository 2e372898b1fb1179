"""Who asks for a change, as authentication found out."""

from dataclasses import dataclass
from typing import Literal

from events.catalogue.event_data import Role
from events.envelope import Actor, Context
from service.commands.idempotency import Idempotency
from service.commands.proposals import Explanation


@dataclass(frozen=True)
class Asker:
    """The actor, the request, and the role of an acting member (``recovery`` for an owner in a recovery session)."""

    actor: Actor
    request_id: str | None = None
    role: Role | Literal["recovery"] | None = None

    def context(self, explanation: Explanation, idempotency: Idempotency | None = None) -> Context:
        """Return what all events of a change carry."""
        return Context(
            self.actor,
            reason=explanation.reason,
            correlation_id=self.request_id,
            idempotency_key=None if idempotency is None else idempotency.key,
            requested_by=explanation.requested_by,
            ticket=explanation.ticket,
        )
