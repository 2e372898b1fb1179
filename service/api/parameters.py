"""The query parameters that several operations share."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from service.api.cursor import MAXIMUM_LENGTH
from service.api.operation import Query

RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
MAXIMUM_MOMENT = 40
MAXIMUM_VERSION = 2**53 - 1


def read_moment(text: str) -> datetime:
    """Return a moment (RFC 3339, with an offset), in UTC.

    Raises:
        ValueError: it is none.
    """
    if len(text) > MAXIMUM_MOMENT or RFC_3339.fullmatch(text) is None:
        message = "write a moment with its offset, such as 2026-11-25T13:00:00Z (in an address, + is written %2B)"
        raise ValueError(message)
    try:
        # In UTC from here on: near the ends of the calendar an offset can lead out of it.
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        message = "this date or time does not exist"
        raise ValueError(message) from None


def _moment(text: str) -> str:
    read_moment(text)
    return text


def _point(text: str) -> str:
    if not (text.isascii() and text.isdecimal()):
        read_moment(text)
    elif not (len(text) < 17 and 1 <= int(text) <= MAXIMUM_VERSION):  # noqa: PLR2004 -- 2^53 has 16 digits
        message = "versions are whole numbers from 1; what was before version 1 is no configuration"
        raise ValueError(message)
    return text


Limit = Annotated[int, Field(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[
    str | None, Field(max_length=MAXIMUM_LENGTH, description="Where the page starts: next of the page before.")
]
Version = Annotated[int, Field(ge=1, le=MAXIMUM_VERSION)]
Moment = Annotated[str, AfterValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Point = Annotated[
    str,
    AfterValidator(_point),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAXIMUM_VERSION},
                {"type": "string", "format": "date-time"},
            ]
        }
    ),
]
"""A version, or a moment."""


class PageQuery(Query):
    """Which page of a list."""

    limit: Limit = 100
    cursor: Cursor = None
