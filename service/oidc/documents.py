"""Strict JSON: what a provider sends is one object in UTF-8, and means the same to every reader."""

import json
from typing import Any, Final, NoReturn

Document = dict[str, Any]


class DocumentMalformed(ValueError):
    """The bytes are not one JSON object with distinct members. The message does not repeat them."""


def _distinct(pairs: list[tuple[str, Any]]) -> Document:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise DocumentMalformed("a member stands twice")
    return document


def _no_constant(_: str) -> NoReturn:
    raise DocumentMalformed("NaN and Infinity are no JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_distinct, parse_constant=_no_constant)


def parse_object(raw: bytes) -> Document:
    """Return the object that the bytes hold (RFC 8259, RFC 7493 2).

    Raises:
        DocumentMalformed: another encoding, a byte order mark, another value, a member twice, NaN, or nested too deep.
    """
    try:
        document = _DECODER.decode(raw.decode("utf-8"))
    except DocumentMalformed:
        raise
    except (ValueError, RecursionError):
        raise DocumentMalformed("it is no JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise DocumentMalformed("it is no object")
    return document
