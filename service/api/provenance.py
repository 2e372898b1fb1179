"""Which events made a configuration what it is: each place of it, with the events at which it changed."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from events.catalogue.instants import write_instant
from events.envelope import Recorded
from events.workspace import Workspace
from events.workspace_fold import FOLDS
from projections.summaries import summarise
from service.api.difference import changed_places, comparable
from service.api.naming import Shown
from service.api.presentation import show_workspace
from service.api.shapes import CauseShape

KEPT: Final = 20
"""So many events, the newest, are kept of each place, however often it went back and forth."""


class Trail:
    """Takes a stream's events in, in order, and notes at which places of the configuration each made a difference.

    Args:
        state: the configuration before the first of them; it changes with each.
    """

    def __init__(self, state: Workspace) -> None:
        self.state = state
        self._seen = _view(state)
        self._made: dict[str, deque[Recorded]] = {}
        self._first: Recorded | None = None

    def take(self, event: Recorded) -> None:
        """Take in the next event.

        Raises:
            UnreadableEvent: a newer program wrote it.
        """
        self.state.apply_recorded(event)
        self._first = self._first or event
        if FOLDS[event.type][0] is None:
            return
        seen = _view(self.state)
        for path in changed_places(self._seen, seen):
            self._made.setdefault(path, deque(maxlen=KEPT)).append(event)
        self._seen = seen

    def events_of(self, *paths: str) -> list[Recorded]:
        """Return the events that changed these places, what lies in them or what they lie in; oldest first."""
        found = {
            event.position: event
            for made, events in self._made.items()
            if any(_related(made, path) for path in paths)
            for event in events
        }
        return [found[position] for position in sorted(found)][-KEPT:]

    def all_events(self) -> list[Recorded]:
        """Return all events that any other method may return."""
        made = [event for events in self._made.values() for event in events]
        return made if self._first is None else [self._first, *made]

    def makers_of(self, *paths: str) -> list[Recorded]:
        """Return the last event that changed each of these places; the registration for what nobody ever changed."""
        last = [events[-1] for path in paths if (events := self.events_of(path))]
        made = {event.position: event for event in last or ([] if self._first is None else [self._first])}
        return [made[position] for position in sorted(made)]


def show_causes(events: Iterable[Recorded], shown: Shown) -> list[CauseShape]:
    """Return who did what, when and why."""
    return [
        CauseShape(
            version=event.version,
            position=event.position,
            recorded_at=write_instant(event.recorded_at),
            type=event.type,
            summary=summarise(event),
            actor=shown.actor(event.actor.type, event.actor.id),
            reason=event.reason,
            requested_by=shown.asker(event.requested_by),
            ticket=event.ticket,
        )
        for event in events
    ]


def _view(state: Workspace) -> dict[str, object]:
    return comparable(show_workspace(state, "", {}))


def _related(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
