"""A class of the catalogue that was changed is seen, however it was changed: by its shape, or by what it does."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, field_serializer
from support.event_probes import behaviour
from support.golden_events import shape

from events.catalogue.event_data import Domain, EventData, Identifier, Instant, Role, Value


class Part(Value):
    """A part of it, as it was published."""

    id: Identifier
    size: int
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Example(EventData):
    """The class as it was published."""

    member_id: Identifier
    role: Role
    until: Instant
    domain: Domain
    minutes: Annotated[int, Field(ge=5, le=10080)] | None = None
    part: Part
    names: Annotated[list[Identifier], Field(max_length=100)]


GIVEN: dict[str, Any] = {
    "member_id": "m-1",
    "role": "editor",
    "until": "2026-11-25T13:05:09.000001Z",
    "domain": "acme.example",
    "minutes": 60,
    "part": {"id": "p-1", "size": 1, "digest": "0" * 64},
    "names": ["a"],
}


def seen(kind: type[EventData]) -> bool:
    """Tell whether the changed class differs from the published one by what the tests compare."""
    return shape(kind) != shape(Example) or behaviour(kind, GIVEN) != behaviour(Example, GIVEN)


def changed(name: str, annotation: Any, *default: Any) -> type[EventData]:
    """Return the class with one member declared otherwise."""
    namespace: dict[str, Any] = {"__annotations__": {name: annotation}, "__module__": __name__}
    if default:
        namespace[name] = default[0]
    return type("Example", (Example,), namespace)


class _LaxPart(Part):
    model_config = ConfigDict(strict=False)


class _OpenPart(Part):
    model_config = ConfigDict(extra="ignore")


class _MorePart(Part):
    more: str | None = None


def _smaller(part: type[Value]) -> Callable[[], type[EventData]]:
    # Under the published name: the name of a part is no more than a name.
    return lambda: changed("part", type("Part", (part,), {"__module__": __name__}))


def _lax() -> type[EventData]:
    return type("Example", (Example,), {"model_config": ConfigDict(strict=False), "__module__": __name__})


def _open() -> type[EventData]:
    return type("Example", (Example,), {"model_config": ConfigDict(extra="ignore"), "__module__": __name__})


def _written_otherwise() -> type[EventData]:
    class Other(Example):
        @field_serializer("minutes")
        def _seconds(self, minutes: int | None) -> int | None:
            return None if minutes is None else minutes * 60

    return Other


def _recorded_otherwise() -> type[EventData]:
    def to_data(self: EventData) -> dict[str, Any]:
        return {name: value for name, value in self.model_dump(mode="json").items() if value is not None}

    return type("Example", (Example,), {"to_data": to_data, "__module__": __name__})


def _upper(text: object) -> object:
    return text.upper() if isinstance(text, str) else text


CHANGES: dict[str, Callable[[], type[EventData]]] = {
    "a member more": lambda: changed("more", str | None, None),
    "another name, the old one as an alias": lambda: changed("minutes", int | None, Field(None, alias="within")),
    "read under another name as well": lambda: changed(
        "minutes", Annotated[int, Field(ge=5, le=10080)] | None, Field(None, validation_alias="within")
    ),
    "a default": lambda: changed("minutes", Annotated[int, Field(ge=5, le=10080)] | None, 60),
    "a default by a factory": lambda: changed(
        "minutes", Annotated[int, Field(ge=5, le=10080)] | None, Field(default_factory=lambda: 60)
    ),
    "no default": lambda: changed("minutes", Annotated[int, Field(ge=5, le=10080)] | None, ...),
    "a wider bound": lambda: changed("minutes", Annotated[int, Field(ge=4, le=10080)] | None, None),
    "no bound": lambda: changed("minutes", int | None, None),
    "numbers from texts": lambda: changed("minutes", Annotated[int, Field(strict=False)] | None, None),
    "a value more of a closed set": lambda: changed("role", Literal["owner", "admin", "editor", "viewer", "none"]),
    "a value less of a closed set": lambda: changed("role", Literal["owner", "admin", "editor"]),
    "any text": lambda: changed("role", str),
    "another alias of a type": lambda: changed("domain", Identifier),
    "a longer text": lambda: changed("member_id", Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,65}$")]),
    "dates that do not exist": lambda: changed(
        "until", Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z$")]
    ),
    "made small": lambda: changed("member_id", Annotated[Identifier, StringConstraints(to_lower=True)]),
    "made large before": lambda: changed("domain", Annotated[Domain, BeforeValidator(_upper)]),
    "made large after": lambda: changed("member_id", Annotated[Identifier, AfterValidator(_upper)]),
    "blanks cut off": lambda: changed("member_id", Annotated[Identifier, StringConstraints(strip_whitespace=True)]),
    "a longer list": lambda: changed("names", Annotated[list[Identifier], Field(max_length=101)]),
    "a set for a list": lambda: changed("names", Annotated[set[Identifier], Field(max_length=100)]),
    "a part that is open": _smaller(_OpenPart),
    "a part that is lax": _smaller(_LaxPart),
    "a part with a member more": _smaller(_MorePart),
    "lax": _lax,
    "open": _open,
    "written otherwise": _written_otherwise,
    "recorded otherwise": _recorded_otherwise,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_class_is_seen(change: Callable[[], type[EventData]]) -> None:
    """Whatever is done to it, as a subclass that differs in that alone."""
    assert seen(change())


def test_what_changes_nothing_that_is_recorded_is_no_change() -> None:
    """Prose, the name of a type, a number of its own: an event does not say them."""

    class Other(Example):
        """Other words."""

        schema_version: ClassVar[int] = 1
        role: Annotated[Role, Field(description="What they may do.")]

    assert not seen(type("Example", (Other,), {"__module__": __name__}))
