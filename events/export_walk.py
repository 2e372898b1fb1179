"""Walking through one JSON object (RFC 8259) in a text of any size, with one of its lists taken item by item.

What is held of the text at once is the value at hand and a piece around it.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TextIO

PIECE: Final = 1 << 16
VALUE_MAXIMUM: Final = 1 << 26
"""Characters. One value that is longer is refused."""

_BEHIND: Final = frozenset(" \t\n\r,:]}")
_SPACE: Final = re.compile(r"[ \t\n\r]*")


class Item(NamedTuple):
    """An item of the list that is taken item by item."""

    value: Any


class Member(NamedTuple):
    """A whole member of the object."""

    name: str
    value: Any


def walk(text: TextIO, listed: str) -> Iterator[Item | Member]:
    """Yield the object's members in their order, and instead of the one called ``listed`` its items, if it is a list.

    A list without items is a member. Nothing says that the text is whole before the end was reached.

    Raises:
        ValueError, TypeError: it is not one whole JSON object, or has a member twice, at any depth; or a value is too
            long.
        RecursionError: values are nested too deeply.
    """
    reading, seen = _Reading(text), set[str]()
    reading.take("{")
    more = not reading.takes("}")
    while more:
        name = reading.name()
        if name in seen:
            message = "a member is there twice"
            raise ValueError(message)
        seen.add(name)
        reading.take(":")
        if name == listed and reading.takes("["):
            yield from _items(reading, name)
        else:
            yield Member(name, reading.value())
        more = reading.goes_on("}")
    reading.end()


def _items(reading: "_Reading", name: str) -> Iterator[Item | Member]:
    if reading.takes("]"):
        yield Member(name, [])
        return
    more = True
    while more:
        yield Item(reading.value())
        more = reading.goes_on("]")


class _Reading:
    """A place in the text, and what was read around it."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._held, self._at, self._ended = "", 0, False
        self._decode: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder(
            object_pairs_hook=_once, parse_constant=_no_number
        ).raw_decode

    def takes(self, sign: str) -> bool:
        """Go behind the next sign, if it is this one."""
        there = self._next() == sign
        self._at += there
        return there

    def take(self, sign: str) -> None:
        """Go behind the next sign, which has to be this one."""
        if not self.takes(sign):
            raise ValueError(sign)

    def goes_on(self, closing: str) -> bool:
        """Go behind a comma, or the sign that ends it all; tell which."""
        if self.takes(","):
            return True
        self.take(closing)
        return False

    def name(self) -> str:
        """Return the next value, which has to be a text."""
        value = self.value()
        if not isinstance(value, str):
            raise TypeError
        return value

    def value(self) -> Any:
        """Return the next value."""
        self._next()
        while True:
            try:
                value, end = self._decode(self._held, self._at)
            except json.JSONDecodeError:
                # It may only not be whole yet. Reading as much again each time keeps what is read twice in bounds.
                if not self._more(len(self._held) - self._at):
                    raise
                continue
            # A number is one as soon as it begins, and may go on: only what stands behind it tells.
            length = end - self._at
            if self._held[end : end + 1] in _BEHIND or not self._more(len(self._held) - self._at):
                self._at += length
                return value

    def end(self) -> None:
        """Refuse what comes behind the end."""
        if self._next():
            message = "something comes behind the end"
            raise ValueError(message)

    def _next(self) -> str:
        """Go to the next sign that is no space, and return it; an empty text at the end."""
        while True:
            found = _SPACE.match(self._held, self._at)
            self._at = self._at if found is None else found.end()
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more():
                return ""

    def _more(self, least: int = 0) -> bool:
        """Read on; ``False`` where there is nothing more."""
        held = self._held[self._at :]
        if self._ended or len(held) > VALUE_MAXIMUM:
            return False
        piece = self._text.read(max(PIECE, least))
        self._held, self._at, self._ended = held + piece, 0, not piece
        return bool(piece)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        message = "a member is there twice"
        raise ValueError(message)
    return members


def _no_number(text: str) -> None:
    raise ValueError(text)
