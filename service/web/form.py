"""Reads a posted form within bounds: its type, its size and its number of fields are judged before its content."""

from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import MultiDict, MultiMapping

from service.web.refusal import PageRefusal

FORM_TYPE: Final = "application/x-www-form-urlencoded"
LARGEST_FORM: Final = 64 * 1024
MOST_FIELDS: Final = 32


async def read_form(request: web.Request, limit: int = LARGEST_FORM) -> MultiDict[str]:
    """Return the fields of an urlencoded form of at most ``limit`` bytes.

    Raises:
        PageRefusal: ``media_type_unsupported``, ``request_too_large`` or ``request_malformed``.
    """
    body = await read_bounded(request, limit)
    if not body:
        return MultiDict()
    if request.content_type != FORM_TYPE:
        raise PageRefusal("media_type_unsupported")
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, encoding="utf-8", errors="replace"
        )
    except (UnicodeDecodeError, ValueError):
        raise PageRefusal("request_malformed") from None
    return MultiDict(fields)


async def read_bounded(request: web.Request, limit: int) -> bytes:
    """Return the body, of which no more than ``limit`` bytes are read."""
    if (request.content_length or 0) > limit:
        raise PageRefusal("request_too_large")
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > limit:
            raise PageRefusal("request_too_large")
    return bytes(body)


def single(
    fields: MultiMapping[str], names: tuple[str, ...], *, never_together: tuple[str, str] | None = None
) -> dict[str, str]:
    """Return those of ``names`` that are there.

    Raises:
        PageRefusal: ``request_malformed`` when one of them is there twice, or both of two that exclude each other.
    """
    found: dict[str, str] = {}
    for name in names:
        values = fields.getall(name, [])
        if len(values) > 1:
            raise PageRefusal("request_malformed")
        if values:
            found[name] = values[0]
    if never_together is not None and found.keys() >= set(never_together):
        raise PageRefusal("request_malformed")
    return found
