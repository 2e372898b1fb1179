"""What may be asked for: events by type and data, each with a reason and on whose behalf. Who acts is never said."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, create_model

from events.commands import COMMANDS, EMITTABLE, Command, parse_command
from events.name_ids import PREFIX, RESERVED

MAXIMUM_BATCH = 50


def _printable(text: str) -> str:
    if not text.isprintable():
        message = "control characters and line breaks cannot be kept here"
        raise ValueError(message)
    return text


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_printable)
]


def _name_of_a_person(text: str) -> str:
    if text.startswith(PREFIX):
        raise ValueError(RESERVED)
    return text


PersonName = Annotated[Line, AfterValidator(_name_of_a_person)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class Explanation(BaseModel):
    """Why something is changed, and on whose behalf. Part of every request that changes something."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    reason: Annotated[
        Reason | None,
        Field(description="Why; kept with the event for ever, in clear, and shown to auditors. Name nobody in it."),
    ] = None
    requested_by: Annotated[
        PersonName | None,
        Field(
            description="Who asked for it, such as the customer's address. Kept sealed apart from the event, so that "
            "the person can be forgotten; cannot begin with ~."
        ),
    ] = None
    ticket: Annotated[
        Line | None,
        Field(description="The support ticket that it belongs to; kept for ever, in clear. Name nobody in it."),
    ] = None


class Emission(Explanation):
    """One event to be recorded, as it comes in; the data are checked by its type."""

    type: Annotated[str, StringConstraints(max_length=100)]
    # May hold a client secret, which only the command's own type knows to hide.
    data: Any = Field(default_factory=dict, repr=False)

    def explanation(self) -> Explanation:
        """Return what stands beside the data."""
        return Explanation(reason=self.reason, requested_by=self.requested_by, ticket=self.ticket)


@dataclass(frozen=True, slots=True)
class Change:
    """One command of a request, with its own explanation."""

    command: Command
    explanation: Explanation


def read_changes(emissions: Sequence[Emission], *, listed: bool) -> list[Change]:
    """Return what the emissions ask for. ``listed``: they came as a list, so that pointers carry their place.

    Raises:
        Refusal: see ``events.commands.parse_command``.
    """
    return [
        Change(parse_command(one.type, one.data, f"/{place}" if listed else ""), one.explanation())
        for place, one in enumerate(emissions)
    ]


def _model(name: str) -> type[BaseModel]:
    command = COMMANDS[name]
    needed = any(field.is_required() for field in command.model_fields.values())
    fields: dict[str, Any] = {
        "type": (Literal[name], ...),
        "data": (command, ... if needed else Field(default_factory=command)),
    }
    return create_model(f"{name}Emission", __base__=Explanation, __doc__=command.__doc__, **fields)


_MODELS = tuple(_model(name) for name in sorted(EMITTABLE))

EMISSIONS: Any = Annotated[Union[_MODELS], Field(discriminator="type")]  # noqa: UP007 -- made of as many as there are
"""Any one emission with the exact shape of its data, by its type; what the OpenAPI document shows."""
