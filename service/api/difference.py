"""What differs between two configurations, place by place."""

from collections.abc import Iterator
from typing import Any

from service.api.shapes import ChangeShape, WorkspaceShape

NOT_COMPARED = frozenset({"version", "position"})
NAMED_BY = {"domains": "domain", "bypasses": "member_id"}


def difference(before: WorkspaceShape, after: WorkspaceShape) -> list[ChangeShape]:
    """Return the places at which the two differ; ``path`` is a JSON pointer, domains and bypasses go by their name."""
    return list(_changes("", _named(before), _named(after)))


def _named(shape: WorkspaceShape) -> dict[str, Any]:
    values = shape.model_dump(mode="json", exclude=set(NOT_COMPARED))
    for name, key in NAMED_BY.items():
        values[name] = {one[key]: one for one in values[name]}
    return values


def _changes(path: str, before: Any, after: Any) -> Iterator[ChangeShape]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            escaped = name.replace("~", "~0").replace("/", "~1")
            yield from _changes(f"{path}/{escaped}", before.get(name), after.get(name))
    elif before != after:
        yield ChangeShape(path=path, before=before, after=after)
