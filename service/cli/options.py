"""The arguments and options that commands share."""

from datetime import UTC, datetime
from typing import Annotated

import typer

Slug = Annotated[str, typer.Argument(help="The workspace's slug, such as acme.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
At = Annotated[
    str | None,
    typer.Option("--at", help="As of this moment: 2026-11-24, 2026-11-24T15:00:00Z or yesterday.", show_default=False),
]
Version = Annotated[int | None, typer.Option("--version", min=1, help="As of this version.", show_default=False)]


def moment(text: str) -> str:
    """Return a moment as the API takes it. A bare date means its end (UTC), ``yesterday`` the end of the day before.

    Raises:
        typer.BadParameter: when the text is no time.
    """
    if text == "now":
        return stamp(datetime.now(UTC))
    today = datetime.now(UTC).date()
    day = {"today": today, "yesterday": today.fromordinal(today.toordinal() - 1)}.get(text)
    if day is not None:
        return f"{day.isoformat()}T23:59:59.999999Z" if text == "yesterday" else stamp(datetime.now(UTC))
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text} is no time; write it as 2026-11-24 or 2026-11-24T15:00:00Z"
        raise typer.BadParameter(message) from None
    if "T" not in text and " " not in text:
        return f"{parsed.date().isoformat()}T23:59:59.999999Z"
    try:
        return stamp(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))
    except OverflowError:
        message = f"{text} is outside of the calendar, which has the years 1 to 9999"
        raise typer.BadParameter(message) from None


def stamp(time: datetime) -> str:
    """Return a time in RFC 3339, in UTC."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
