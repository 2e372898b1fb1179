"""What a webhook says of an event: all but what only a secret's holder has a use for."""

from typing import Any, Final

import orjson

from events.catalogue.instants import write_instant
from events.envelope import Recorded

LEFT_OUT: Final = frozenset({"secret", "token_hash", "code_hash", "code_hashes"})
"""Digests and fingerprints of secrets, which nobody outside compares with anything."""


def body_of(event: Recorded) -> bytes:
    """Return the message's body: type, time and data, as Standard Webhooks 1.0 recommends."""
    content: dict[str, Any] = {
        "type": f"keyledger.{event.type}.v{event.schema_version}",
        "timestamp": write_instant(event.recorded_at),
        "data": {
            "workspace": None if event.stream_id.startswith("$") else event.stream_id,
            "version": event.version,
            "position": event.position,
            "event_id": str(event.event_id),
            "actor": {"type": event.actor.type, "id": event.actor.id},
            "reason": event.reason,
            "requested_by": None if event.requested_by is None else {"id": event.requested_by},
            "ticket": event.ticket,
            "correlation_id": event.correlation_id,
            "data": {name: value for name, value in event.data.items() if name not in LEFT_OUT},
        },
    }
    return orjson.dumps(content)
