"""What requests about people have in common: roles, websites, and a place in a list."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from events.catalogue.event_data import WEBSITE_PATTERN
from service.api import cursor
from service.api.parameters import read_moment
from service.errors import invalid

Website = Annotated[str, StringConstraints(pattern=WEBSITE_PATTERN)]
Websites = Literal["all"] | Annotated[list[Website], Field(max_length=500)]
Role = Literal["owner", "admin", "editor", "viewer"]


def read_place(scope: str, text: str | None) -> tuple[datetime, UUID] | None:
    """Return after which row of a list a page begins.

    Raises:
        Refusal: ``data_invalid`` when the cursor is of another list.
    """
    if text is None:
        return None
    at, identifier = cursor.decode(scope, text, (str, str))
    try:
        return read_moment(str(at)), UUID(str(identifier))
    except ValueError:
        raise invalid("This cursor is not from this list. Start again without one.", "/cursor", "query") from None
