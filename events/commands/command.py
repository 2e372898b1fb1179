"""What all commands have in common: strict, bounded, silent about what they were given."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from events.catalogue.instants import write_instant


class Command(BaseModel):
    """Something that is asked for. ``emits`` is the type of event that a granted command records first and foremost."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    emits: ClassVar[str]


def _instant(text: str) -> str:
    try:
        return write_instant(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise ValueError("give a moment with its offset, such as 2026-11-25T13:00:00Z") from None


Moment = Annotated[str, StringConstraints(max_length=40), AfterValidator(_instant)]
"""An RFC 3339 moment with an offset; kept in UTC with microseconds."""

DomainText = Annotated[str, StringConstraints(min_length=1, max_length=300)]
EmailText = Annotated[str, StringConstraints(min_length=3, max_length=254)]
