"""The golden examples of events, one for each type and schema version, and the shapes that were published with them."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from events.canonical import canonical_json
from events.catalogue import EventData
from events.workspace import Workspace

DIRECTORY = Path(__file__).parents[1] / "golden" / "events"
SHAPES = DIRECTORY / "shapes.json"
PROBES = DIRECTORY / "probes.json"
FOLDS = DIRECTORY / "folds.json"


def golden_events() -> list[dict[str, Any]]:
    """Return all examples as ``{"type", "schema_version", "data"}``, ordered by name.

    One of an older version also has ``next``: the same in the version after it, which its upcaster has to make of it.
    """
    found = [json.loads(path.read_text("utf-8")) for path in DIRECTORY.glob("*.v*.json")]
    return sorted(found, key=lambda one: (one["type"], one["schema_version"]))


def shape(kind: type[EventData]) -> str:
    """Return the SHA-256 of the class's JSON schema without its prose."""
    return sha256(canonical_json(_without_prose(kind.model_json_schema())).encode()).hexdigest()


def name_of(example: dict[str, Any]) -> str:
    """Return ``Type.vN``."""
    return f"{example['type']}.v{example['schema_version']}"


def published(file: Path) -> dict[str, Any]:
    """Return what was ever published of all versions, by ``Type.vN``; of folds, by ``FOLD_VERSION`` first."""
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def folded(example: dict[str, Any]) -> str:
    """Return the SHA-256 of the read model's document that follows from an example in a workspace that has it all."""
    # The first versions: what stands before an example stays the same whatever comes later.
    examples = {one["type"]: one for one in golden_events() if one["schema_version"] == 1}
    state = Workspace("acme")
    for name in _BEFORE:
        _take(state, examples[name])
    _take(state, example)
    return sha256(canonical_json(state.to_document()).encode()).hexdigest()


_BEFORE = (
    "WorkspaceRegistered", "DomainAdded", "CredentialsSet", "CredentialsStaged", "SsoEnabled", "EnforcementEnabled",
    "BypassGranted", "SetupLinkIssued", "RecoveryCodesIssued", "ProviderLogoutEnabled",
)  # fmt: skip


def _take(state: Workspace, example: dict[str, Any]) -> None:
    began = "0197a1c0-0000-7000-8000-0000000000e1"
    state.apply(example["type"], example["data"], began, state.version + 1, 0, example["schema_version"])


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
