"""Answers of any length: one line after the other, as NDJSON (JSON otherwise comes in pages) or as CSV (RFC 4180)."""

import csv
import io
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Literal, TypeVar

import orjson
import structlog
from aiohttp import web

from service.api.authentication import authenticate
from service.api.operation import CSV, JSON, NDJSON

log = structlog.get_logger("api")

BATCH: Final = 500
FORMULA: Final = re.compile(r"(?:^|[;\t\r\n])[\s\x22]*([=+@\-\uff1d\uff0b\uff0d\uff20])?")
"""Where a formula could begin: a cell, or a part of one in a program that parts cells at semicolons.

The sign is optional, so that blanks are passed over once: tried anew from each of them, a reason of a thousand line
breaks took as long as a thousand sign-ins.
"""

Row = TypeVar("Row")
Media = Literal["application/json", "application/x-ndjson", "text/csv"]


def wanted(request: web.Request) -> Media:
    """Return the first of what the caller accepts that there is (RFC 9110 12.5.1, the plain form); JSON unless told."""
    for part in request.headers.get("Accept", "").split(","):
        name = part.partition(";")[0].strip()
        if name == NDJSON:
            return "application/x-ndjson"
        if name == CSV:
            return "text/csv"
        if name == JSON:
            break
    return "application/json"


def ndjson_line(value: Mapping[str, object]) -> bytes:
    """Return one line of NDJSON."""
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def csv_line(cells: Sequence[object]) -> bytes:
    """Return one line of CSV. What a program that opens the file would take for a formula has an apostrophe before it.

    So it is behind blanks and quotes, with the wide signs that some take for the narrow ones, and behind semicolons and
    line breaks within a cell, since the file may be opened where not commas but semicolons part cells.
    """
    text = ["" if cell is None else cell if isinstance(cell, str) else orjson.dumps(cell).decode() for cell in cells]
    line = io.StringIO()
    csv.writer(line).writerow([FORMULA.sub(_as_text, cell) for cell in text])
    return line.getvalue().encode()


def _as_text(begin: re.Match[str]) -> str:
    return begin[0] if begin[1] is None else f"{begin[0][:-1]}'{begin[1]}"


@contextmanager
def whole_or_broken_off(request: web.Request) -> Iterator[None]:
    """Write a body to its end, or break the connection off.

    The status is out; only an end without the closing chunk (RFC 9112 7.1) tells that the rest is missing.
    """
    try:
        yield
    except ConnectionResetError:
        log.info("stream_left", path=request.path)
    except Exception:
        log.exception("stream_broken", path=request.path)
        if request.transport is not None:
            request.transport.abort()


async def stream(
    request: web.Request,
    more: Callable[[Row | None], Awaitable[Sequence[Row]]],
    line: Callable[[Row], bytes],
    *,
    media: str = NDJSON,
    title: bytes = b"",
    limit: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Write one line for each row; ``more`` returns the rows behind one. ``title`` stands before them.

    What goes wrong after the first batch ends the connection unfinished; so does a token that is not good any more: who
    reads slowly enough would be told for as long as they like.
    """
    batch = await more(None)
    response = web.StreamResponse(headers={"Content-Type": media, "Cache-Control": "no-store", **(headers or {})})
    if media == CSV:
        response.charset = "utf-8"
    await response.prepare(request)
    left = limit
    with whole_or_broken_off(request):
        if title:
            await response.write(title)
        while batch and left != 0:
            shown = batch if left is None else batch[:left]
            left = None if left is None else left - len(shown)
            await response.write(b"".join(line(row) for row in shown))
            if left != 0:
                await authenticate(request)
                batch = await more(batch[-1])
        await response.write_eof()
    return response
