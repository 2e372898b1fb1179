"""What differs between two configurations, place by place, and the events that made it so."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from service.api.shapes import CauseShape, ChangeShape, WorkspaceShape

NOT_COMPARED = frozenset({"version", "position"})
NAMED_BY = {"domains": "domain", "bypasses": "member_id"}

Causes = Callable[[str], list[CauseShape]]


def difference(before: WorkspaceShape, after: WorkspaceShape, causes: Causes) -> list[ChangeShape]:
    """Return the places at which the two differ, each with what ``causes`` says of it.

    ``path`` is a JSON pointer; domains and bypasses go by their name.
    """
    return [
        ChangeShape(path=path, before=earlier, after=later, events=causes(path))
        for path, earlier, later in _changes("", comparable(before), comparable(after))
    ]


def changed_places(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the places at which two ``comparable`` configurations differ."""
    return [path for path, _, _ in _changes("", before, after)]


def comparable(shape: WorkspaceShape) -> dict[str, Any]:
    """Return a configuration's values in the form in which two of them are compared."""
    values = shape.model_dump(mode="json", exclude=set(NOT_COMPARED))
    for name, key in NAMED_BY.items():
        values[name] = {one[key]: one for one in values[name]}
    return values


def _changes(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            escaped = name.replace("~", "~0").replace("/", "~1")
            yield from _changes(f"{path}/{escaped}", before.get(name), after.get(name))
    elif before != after:
        yield path, before, after
