"""Rows of the log as they come from the database. What they say is read from the canonical text, which is hashed."""

from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

import orjson

from events.envelope import Actor, Prepared, Recorded

if TYPE_CHECKING:
    import asyncpg

    Row: TypeAlias = asyncpg.Record

COLUMNS = "position, stream_id, version, leaf_index, recorded_at, canonical, hash"


def appended(row: "Row", stream_id: str, event: Prepared) -> Recorded:
    """Return the event that ``ledger.append`` answered about."""
    context = event.context
    return Recorded(
        position=row["position"],
        event_id=event.event_id,
        stream_id=stream_id,
        version=row["version"],
        leaf_index=row["leaf_index"],
        type=event.type,
        schema_version=event.schema_version,
        data=event.data,
        actor=context.actor,
        reason=context.reason,
        correlation_id=context.correlation_id,
        causation_id=context.causation_id,
        idempotency_key=context.idempotency_key,
        requested_by=context.requested_by,
        ticket=context.ticket,
        recorded_at=row["recorded_at"],
        hash=row["hash"],
    )


def recorded(row: "Row") -> Recorded:
    """Return the event of a row that has ``COLUMNS``."""
    body = orjson.loads(row["canonical"])
    actor, causation = body["actor"], body["causation_id"]
    return Recorded(
        position=row["position"],
        event_id=UUID(body["event_id"]),
        stream_id=row["stream_id"],
        version=row["version"],
        leaf_index=row["leaf_index"],
        type=body["type"],
        schema_version=body["schema_version"],
        data=body["data"],
        actor=Actor(actor["type"], actor["id"]),
        reason=body["reason"],
        correlation_id=body["correlation_id"],
        causation_id=None if causation is None else UUID(causation),
        idempotency_key=body["idempotency_key"],
        requested_by=body["requested_by"],
        ticket=body["ticket"],
        recorded_at=row["recorded_at"],
        hash=row["hash"],
    )
