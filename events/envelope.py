"""What surrounds an event's data: who did it, why, on whose behalf, and where it stands in the log."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

import msgspec

from events.canonical import canonical_record
from events.catalogue.event_data import EventData

ActorType = Literal["staff", "token", "member", "setup", "system", "operator"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as authentication found out; never as the caller says.

    ``id`` is opaque: for who acts under a name, the id of that name (``events.names``). ``name`` is the name itself,
    where it is at hand; it is recorded nowhere.
    """

    type: ActorType
    id: str
    name: str | None = field(default=None, compare=False, repr=False)


SYSTEM = Actor("system", "keyledger")
"""What the service does by itself, such as lifting an unconfirmed enforcement."""


@dataclass(frozen=True, slots=True)
class Context:
    """What one request gives to all events that it causes.

    ``reason`` is the actor's own sentence, ``requested_by`` the id of the name of whoever asked the actor for it,
    ``ticket`` where they did. ``requested_by_name`` is that name itself, where it is at hand; it is recorded nowhere.
    """

    actor: Actor
    reason: str | None = None
    correlation_id: str | None = None
    causation_id: UUID | None = None
    idempotency_key: str | None = None
    requested_by: str | None = None
    ticket: str | None = None
    requested_by_name: str | None = field(default=None, compare=False, repr=False)


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """A decided event, before it has an id and a place."""

    type: str
    data: EventData

    @classmethod
    def of(cls, data: EventData) -> Self:
        """Return the event that the data's class names."""
        return cls(data.type_name(), data)


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """An event ready to be appended. ``canonical`` is the text that is stored and hashed."""

    event_id: UUID
    type: str
    schema_version: int
    data: dict[str, Any]
    canonical: str
    context: Context


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An event as the log holds it. ``version`` counts in its stream, ``position`` in the whole log."""

    position: int
    event_id: UUID
    stream_id: str
    version: int
    leaf_index: int
    type: str
    schema_version: int
    data: dict[str, Any]
    actor: Actor
    reason: str | None
    correlation_id: str | None
    causation_id: UUID | None
    idempotency_key: str | None
    requested_by: str | None
    ticket: str | None
    recorded_at: datetime
    hash: bytes


class _Actor(msgspec.Struct, gc=False):
    id: str
    type: str


class _Content(msgspec.Struct, gc=False):
    """Exactly what is stored and hashed of an event; members without a value are there as null."""

    actor: _Actor
    causation_id: UUID | None
    correlation_id: str | None
    data: dict[str, Any]
    event_id: UUID
    idempotency_key: str | None
    reason: str | None
    requested_by: str | None
    schema_version: int
    ticket: str | None
    type: str


def prepare(event: NewEvent, context: Context, event_id: UUID) -> Prepared:
    """Return the event with its canonical text.

    Raises:
        Refusal: ``data_invalid``, when the content cannot be kept (see ``events.canonical``).
    """
    data, actor = event.data.to_data(), context.actor
    content = _Content(
        actor=_Actor(id=actor.id, type=actor.type),
        causation_id=context.causation_id,
        correlation_id=context.correlation_id,
        data=data,
        event_id=event_id,
        idempotency_key=context.idempotency_key,
        reason=context.reason,
        requested_by=context.requested_by,
        schema_version=event.data.schema_version,
        ticket=context.ticket,
        type=event.type,
    )
    return Prepared(event_id, event.type, content.schema_version, data, canonical_record(content, data), context)
