"""The golden examples of events, one for each type and schema version, and the shapes that were published with them."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from events.canonical import canonical_json
from events.catalogue import EventData

DIRECTORY = Path(__file__).parents[1] / "golden" / "events"
SHAPES = DIRECTORY / "shapes.json"


def golden_events() -> list[dict[str, Any]]:
    """Return all examples as ``{"type", "schema_version", "data"}``, ordered by name."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(DIRECTORY.glob("*.v*.json"))]


def shape(kind: type[EventData]) -> str:
    """Return the SHA-256 of the class's JSON schema without its prose."""
    return sha256(canonical_json(_without_prose(kind.model_json_schema())).encode()).hexdigest()


def published_shapes() -> dict[str, str]:
    """Return the shapes of all versions that were ever published, by ``Type.vN``."""
    published: dict[str, str] = json.loads(SHAPES.read_text("utf-8"))
    return published


def _without_prose(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _without_prose(part) for name, part in _members(schema)}
    if isinstance(schema, list):
        return [_without_prose(part) for part in schema]
    return schema


def _members(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, part in schema.items():
        is_prose = name in {"description", "title"} and isinstance(part, str)
        if not is_prose:
            yield name, part
