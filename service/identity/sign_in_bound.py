"""Bounds what strangers can have written into the sign-in log: so many rows a minute, and then a count of the rest.

Whoever has begun a sign-in in their browser has more room than whoever has shown nothing, so that a flood of made-up
answers hides neither the refusals of a workspace's people nor those before it.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from service.identity.sign_in_row import SignIn

STRANGERS: Final = 60
PEOPLE: Final = 300
"""How many rows one workspace gets in a minute, from each instance."""
COUNTED: Final = "counted_together"
"""The detail of a row that stands for several."""
MOST_WINDOWS: Final = 10_000
_NOWHERE: Final = ""


@dataclass(slots=True)
class _Minute:
    begun: datetime
    rows: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    first: SignIn | None = None


class RowsAMinute:
    """Decides which rows are written as they are. A row tells its minute; addresses of no workspace share one bound."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[str, bool], _Minute] = {}

    def take(self, entry: SignIn, *, proven: bool) -> list[SignIn]:
        """Return what is to be written now: the row if there is room, after what a minute that has passed came to."""
        workspace = entry.workspace if entry.config_version is not None else _NOWHERE
        begun = entry.at.replace(second=0, microsecond=0)
        due: list[SignIn] = []
        minute = self._minutes.get((workspace, proven))
        if minute is None or minute.begun != begun:
            if minute is not None:
                due = _summary(workspace, minute)
            elif len(self._minutes) >= MOST_WINDOWS:
                due = self.rest()
                self._minutes.clear()
            minute = self._minutes[workspace, proven] = _Minute(begun)
        if minute.rows < (PEOPLE if proven else STRANGERS):
            minute.rows += 1
            return [*due, entry]
        minute.first = minute.first or entry
        minute.counted[entry.reason] += 1
        return due

    def rest(self) -> list[SignIn]:
        """Return the counts of what has not been written yet."""
        return [row for (workspace, _), minute in self._minutes.items() for row in _summary(workspace, minute)]


def _summary(workspace: str, minute: _Minute) -> list[SignIn]:
    first, counted = minute.first, minute.counted
    minute.first, minute.counted = None, Counter()
    if first is None:
        return []
    told = ", ".join(f"{reason} {times}" for reason, times in counted.most_common())
    return [
        SignIn(
            at=first.at,
            workspace=workspace,
            method=first.method,
            reason=counted.most_common(1)[0][0],
            request_id=first.request_id,
            config_version=first.config_version,
            detail=COUNTED,
            explanation=f"{counted.total()} more refused in the minute from {minute.begun:%H:%M} UTC, counted: {told}.",
            counted=dict(counted),
        )
    ]
