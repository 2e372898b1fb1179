"""Opaque cursors: where the next page starts, tied to the list and the filter it was made for."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from service.errors import invalid

MAXIMUM_LENGTH = 512

Row = TypeVar("Row")


def encode(scope: str, *place: str | int) -> str:
    """Return the cursor for the page after ``place`` of the list that ``scope`` names."""
    text = json.dumps([_mark(scope), *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(scope: str, cursor: str, kinds: tuple[type, ...]) -> tuple[str | int, ...]:
    """Return the place that ``cursor`` names.

    Raises:
        Refusal: ``data_invalid`` when it is not a cursor of this list.
    """
    refusal = invalid(
        "This cursor is not from this list, or from before a backup was restored. Start again without one.",
        "/cursor",
        "query",
    )
    if len(cursor) > MAXIMUM_LENGTH:
        raise refusal
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        parts = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        raise refusal from None
    if not isinstance(parts, list) or len(parts) != 1 + len(kinds) or parts[0] != _mark(scope):
        raise refusal
    for part, kind in zip(parts[1:], kinds, strict=True):
        fits = 0 <= part < 2**63 if isinstance(part, int) else isinstance(part, str) and part.isprintable()
        if type(part) is not kind or not fits:
            raise refusal
    return tuple(parts[1:])


def decode_number(scope: str, cursor: str | None) -> int | None:
    """Return the place where it is one number; ``None`` where the list is read from its beginning.

    Raises:
        Refusal: see ``decode``.
    """
    return None if cursor is None else int(decode(scope, cursor, (int,))[0])


def cut(
    found: Sequence[Row], limit: int, scope: str, place: Callable[[Row], tuple[str | int, ...]]
) -> tuple[Sequence[Row], str | None]:
    """Return the rows of one page, and the cursor of the page after it, if there is one.

    ``found`` holds one row more than the page where the list goes on; ``place`` tells where a row stands.
    """
    rows = found[:limit]
    return rows, encode(scope, *place(rows[-1])) if len(found) > limit else None


def _mark(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()[:8]
