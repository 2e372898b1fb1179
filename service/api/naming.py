"""The names of people beside the ids of them that events hold, for whoever reads what happened here.

What leaves the house (the feed, webhooks, copies as lines or CSV, exports) has the ids alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from events.envelope import Recorded
from events.name_ids import ids_in, with_names
from service.api.operation import Call
from service.api.shapes import ActorShape, AskerShape
from service.keys import COMMANDS

_NAMED: Final = frozenset({"token", "operator", "staff"})


@dataclass(frozen=True, slots=True)
class Shown:
    """What to show for each id of a name; ``None``: the ids alone."""

    names: Mapping[str, str] | None

    def actor(self, type_: str, id_: str) -> ActorShape:
        """Return who did something. Members and links have no name here: their ids are looked up among the people."""
        name = None if self.names is None or type_ not in _NAMED else with_names(id_, self.names)
        return ActorShape(type=type_, id=id_, name=name)

    def asker(self, requested_by: str | None) -> AskerShape | None:
        """Return who asked for something, if anybody is named."""
        if requested_by is None:
            return None
        return AskerShape(id=requested_by, name=None if self.names is None else with_names(requested_by, self.names))

    def text(self, text: str) -> str:
        """Return a sentence with the names in it."""
        return text if self.names is None else with_names(text, self.names)


IDS_ONLY: Final = Shown(None)


async def names_in(call: Call, texts: Iterable[str | None]) -> Shown:
    """Return what to show for the ids that stand in these texts. Whose token asks is known without looking."""
    known = {call.principal.name_id: call.principal.name}
    names = call.request.app[COMMANDS].resources.identity.names
    return Shown({**known, **await names.show(ids_in(*texts) - known.keys())})


async def names_of(call: Call, events: Iterable[Recorded]) -> Shown:
    """Return what to show for whom these events name."""
    return await names_in(call, (text for event in events for text in (event.actor.id, event.requested_by)))
