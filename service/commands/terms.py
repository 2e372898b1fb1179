"""Under which terms a change is made, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.envelope import Recorded
from service.commands.idempotency import Idempotency

Extra = Mapping[str, Any]


@dataclass(frozen=True)
class Terms:
    """The version that the change builds on, and the key under which the request may be repeated."""

    expected_version: int | None = None
    idempotency: Idempotency | None = None


NO_TERMS = Terms()


@dataclass(frozen=True)
class Outcome:
    """What a change led to: its events (none when nothing changed) and the version and position after them.

    ``extra`` is what the answer shows beside the events; ``replayed`` marks the kept answer to an earlier request.
    """

    events: Sequence[Recorded]
    version: int
    position: int
    extra: Extra = field(default_factory=dict)
    replayed: bool = False
