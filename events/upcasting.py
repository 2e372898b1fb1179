"""Old schema versions become the newest one when they are read; what is recorded stays as it was written.

``EVOLUTION.md`` beside this file has the rule: when a class needs a new version, and what goes with it.

An upcaster is pure and total over what was recorded: it looks at nothing but the data, fills what was not known then
with what was true then, never with today's default, and never fails.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from events.catalogue import CATALOGUE

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def _relinked_v1(data: dict[str, Any]) -> dict[str, Any]:
    """The second version only knows one more way, by support."""
    return data


def _token_created_v1(data: dict[str, Any]) -> dict[str, Any]:
    """The first version names the holder in clear, and for ever: the name stands where an id stands now."""
    return {("holder" if name == "name" else name): value for name, value in data.items()}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = MappingProxyType(
    {("IdentityRelinked", 1): _relinked_v1, ("ApiTokenCreated", 1): _token_created_v1}
)
"""(type, schema version) to the step from that version to the next."""

NEWEST: Mapping[str, int] = MappingProxyType({name: kind.schema_version for name, kind in CATALOGUE.items()})
"""The schema version that this program writes of each type."""


class UnknownSchema(Exception):
    """A type or a schema version that this program does not know; a newer program wrote it."""

    def __init__(self, type_: str, schema_version: int) -> None:
        super().__init__(f"{type_} in schema version {schema_version} is not known here")
        self.type = type_
        self.schema_version = schema_version


def upcast(
    type_: str,
    schema_version: int,
    data: dict[str, Any],
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
    newest: Mapping[str, int] = NEWEST,
) -> dict[str, Any]:
    """Return the data in the newest schema version; the data given are not changed.

    Raises:
        UnknownSchema: the type is unknown, the version is newer than this program, or a step is missing.
    """
    target = newest.get(type_)
    if target is None or not 1 <= schema_version <= target:
        raise UnknownSchema(type_, schema_version)
    for version in range(schema_version, target):
        step = upcasters.get((type_, version))
        if step is None:
            raise UnknownSchema(type_, schema_version)
        data = step(dict(data))
    return data
