"""Instants in event data: RFC 3339, UTC, written with ``Z`` and microseconds, so that text order is time order."""

from datetime import UTC, datetime

INSTANT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"
_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def write_instant(instant: datetime) -> str:
    """Return ``instant`` as text such as ``2026-11-25T13:05:09.000000Z``.

    Raises:
        ValueError: ``instant`` has no time zone; a naive time means another moment on every machine.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def read_instant(text: str) -> datetime:
    """Return the instant that ``write_instant`` wrote.

    Raises:
        ValueError: the text is not of exactly that form, or names a date that does not exist.
    """
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
