"""Canonical JSON (RFC 8785), and the rules that a payload meets at the door so that its hash means one thing only."""

from collections.abc import Mapping
from typing import Final

import msgspec
import orjson
import rfc8785

from events.refusals import Refusal

MAXIMUM_DEPTH = 16
MAXIMUM_BYTES = 64 * 1024
MAXIMUM_INTEGER = 2**53 - 1

_MAXIMUM_NODES = MAXIMUM_BYTES
_NUL: Final = b"\\u0000"
_RECORDS: Final = msgspec.json.Encoder(order="deterministic")


def check_payload(payload: object) -> None:
    """Refuse what cannot be written, stored and read back by everybody as the same value.

    Allowed are null, true, false, integers within 2^53 - 1, strings without U+0000 and lone surrogates, lists, and
    objects with string keys; at most 16 levels deep and 64 KiB in canonical form. Strings are kept as they come:
    nothing is normalised, so that NFC and NFD stay two different texts.

    Raises:
        Refusal: ``data_invalid``; ``details["pointer"]`` is the JSON pointer (RFC 6901) of the first wrong value.
    """
    _encode(payload)


def canonical_json(payload: object) -> str:
    """Return the RFC 8785 text of a payload that meets the rules of ``check_payload``.

    Raises:
        Refusal: ``data_invalid``.
    """
    return _encode(payload).decode("utf-8")


def canonical_record(record: msgspec.Struct, payload: object) -> str:
    """Return the RFC 8785 text of a record, the quick way where there is nothing to refuse.

    Args:
        record: its members are declared in the order of their names, and hold texts, small integers, UUIDs or null.
        payload: the member that may hold anything.

    Raises:
        Refusal: ``data_invalid``, as for ``canonical_json``.
    """
    walk = _Walk()
    if walk.admits(payload, 1) and walk.ascii_names:
        try:
            encoded = _RECORDS.encode(record)
        except UnicodeEncodeError:  # half of a surrogate pair
            encoded = b""
        if encoded and len(encoded) <= MAXIMUM_BYTES and _NUL not in encoded:
            return encoded.decode("utf-8")
    members = msgspec.structs.asdict(record).items()
    return canonical_json({name: it if it is payload else msgspec.to_builtins(it) for name, it in members})


def _encode(payload: object) -> bytes:
    encoded = _written(payload)
    # The text of a NUL, or of a backslash before the text of one.
    if encoded is None or _NUL in encoded:
        _Search().value(payload, (), 0)
    if encoded is None or len(encoded) > MAXIMUM_BYTES:
        raise _wrong((), f"The data is larger than {MAXIMUM_BYTES // 1024} KiB.")
    return encoded


def _written(payload: object) -> bytes | None:
    """Return the RFC 8785 text, which may hold U+0000; ``None`` when the payload breaks another rule."""
    walk = _Walk()
    if not walk.admits(payload, 0):
        return None
    try:
        # Of what the walk admits, orjson writes the very same text much faster, as long as sorting names by their UTF-8
        # bytes is sorting them by their UTF-16 units (RFC 8785, 3.2.3).
        if walk.ascii_names:
            return orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
        return rfc8785.dumps(payload)  # type: ignore[arg-type]
    except (orjson.JSONEncodeError, rfc8785.CanonicalizationError, UnicodeEncodeError):
        return None  # half of a surrogate pair


class _Walk:
    """One quick pass over a payload; counts what it meets, so that a small input cannot unfold into a large one."""

    __slots__ = ("_left", "ascii_names")

    def __init__(self) -> None:
        self._left = _MAXIMUM_NODES
        self.ascii_names = True

    def admits(self, value: object, depth: int) -> bool:
        """Whether the value keeps the rules on types, integers and depth."""
        self._left -= 1
        # Exact types: a subclass (an IntEnum, a str with its own encoding) may write itself differently.
        kind = type(value)
        if kind is str:
            self._left -= len(value)  # type: ignore[arg-type]
        elif kind is int:
            return self._left >= 0 and -MAXIMUM_INTEGER <= value <= MAXIMUM_INTEGER  # type: ignore[operator]
        elif kind is dict:
            return depth < MAXIMUM_DEPTH and self._left >= 0 and self._admits_members(value, depth)  # type: ignore[arg-type]
        elif kind is list or kind is tuple:
            inside = depth < MAXIMUM_DEPTH and self._left >= 0
            return inside and all(self.admits(item, depth + 1) for item in value)  # type: ignore[attr-defined]
        elif value is not None and kind is not bool:
            return False
        return self._left >= 0

    def _admits_members(self, members: Mapping[object, object], depth: int) -> bool:
        for name, item in members.items():
            if type(name) is not str:
                return False
            self._left -= len(name)
            if not name.isascii():
                self.ascii_names = False
            # Texts and nothing at all are most of what events hold, and need no call of their own.
            if type(item) is str:
                self._left -= 1 + len(item)
            elif item is None:
                self._left -= 1
            elif not self.admits(item, depth + 1):
                return False
        return self._left >= 0


class _Search:
    """The same pass, which remembers where it is and says what is wrong there first."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _MAXIMUM_NODES

    def value(self, value: object, place: tuple[str | int, ...], depth: int) -> None:
        self._left -= 1
        if self._left < 0:
            raise _wrong((), f"The data is larger than {MAXIMUM_BYTES // 1024} KiB.")
        kind = type(value)
        if value is None or kind is bool:
            return
        if kind is str:
            self._text(value, place)  # type: ignore[arg-type]
        elif kind is int:
            _integer(value, place)  # type: ignore[arg-type]
        elif kind is list or kind is tuple:
            _nested(place, depth)
            for index, item in enumerate(value):  # type: ignore[arg-type, var-annotated]
                self.value(item, (*place, index), depth + 1)
        elif kind is dict:
            _nested(place, depth)
            self._members(value, place, depth)  # type: ignore[arg-type]
        else:
            raise _wrong(place, _unsuited(value))

    def _members(self, members: Mapping[object, object], place: tuple[str | int, ...], depth: int) -> None:
        for name, item in members.items():
            if type(name) is not str:
                raise _wrong(place, "The names of an object's members are strings.")
            self._text(name, place)
            self.value(item, (*place, name), depth + 1)

    def _text(self, text: str, place: tuple[str | int, ...]) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise _wrong((), f"The data is larger than {MAXIMUM_BYTES // 1024} KiB.")
        if "\x00" in text:
            raise _wrong(place, "The character U+0000 cannot be stored.")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise _wrong(place, "This is not valid Unicode: half of a surrogate pair stands alone.") from None


def _integer(value: int, place: tuple[str | int, ...]) -> None:
    if not -MAXIMUM_INTEGER <= value <= MAXIMUM_INTEGER:
        raise _wrong(place, "This number is too large to be the same for everybody: integers end at 2^53 - 1.")


def _nested(place: tuple[str | int, ...], depth: int) -> None:
    if depth >= MAXIMUM_DEPTH:
        raise _wrong(place[:MAXIMUM_DEPTH], f"The data is nested more than {MAXIMUM_DEPTH} levels deep.")


def _unsuited(value: object) -> str:
    if isinstance(value, float):
        return "Numbers with a fraction are not kept; write the value as an integer or a string."
    return f"A value of type {type(value).__name__} has no place in JSON."


def _wrong(place: tuple[str | int, ...], sentence: str) -> Refusal:
    # A name may itself be what is wrong with the payload; the pointer must stay printable.
    tokens = [str(token).encode("utf-8", "replace").decode().replace("\x00", "?")[:64] for token in place]
    pointer = "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)
    return Refusal("data_invalid", f"{pointer}: {sentence}" if pointer else sentence, pointer=pointer)
