"""What all event data have in common: frozen, strict, bounded, nothing unknown in it."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from events.catalogue.instants import INSTANT_PATTERN, read_instant


class Value(BaseModel):
    """A part of event data."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


class EventData(Value):
    """The data of one event type; the class's name is the type's name.

    A class is never changed once events of it exist: a change is a new ``schema_version`` and an upcaster.
    """

    schema_version: ClassVar[int] = 1

    @classmethod
    def type_name(cls) -> str:
        """The event type as it is recorded."""
        return cls.__name__

    def to_data(self) -> dict[str, Any]:
        """Return the data as JSON values; members without a value are there as null."""
        return self.model_dump(mode="json")


def _real_instant(text: str) -> str:
    read_instant(text)
    return text


SLUG_PATTERN = r"^[a-z0-9](-?[a-z0-9])*$"
PLAN_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,39}$"
WEBSITE_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"

Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN, min_length=2, max_length=63)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Plan = Annotated[str, StringConstraints(pattern=PLAN_PATTERN)]
Domain = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Instant = Annotated[str, StringConstraints(pattern=INSTANT_PATTERN), AfterValidator(_real_instant)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Role = Literal["owner", "admin", "editor", "viewer"]
JitRole = Literal["editor", "viewer"]
Websites = Literal["all"] | Annotated[list[Identifier], Field(max_length=500)]
