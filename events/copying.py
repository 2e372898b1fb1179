"""Reading what COPY sends: one buffer at a time and one ahead, and the fields of its binary format, cut anywhere."""

import asyncio
from collections.abc import AsyncGenerator
from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from events.store import Connection

READ_TIMEOUT_S: Final = 6 * 3600.0
BLOCK: Final = 128
"""So many events come in one row: a message for each costs its reader as much as decoding it."""

BLOCKS: Final = f"""
    with recursive blocks (first) as (
        select min(position) from ledger.events where position > $1
        union all
        select (
            select position from ledger.events where position >= blocks.first order by position offset {BLOCK} limit 1
        )
        from blocks where blocks.first is not null
    )
"""
"""Where each block of the log after a position begins. Counted in events: positions may have holes of any size."""

HEADER_BYTES: Final = 19
_FIELD: Final = Struct(">hi")
"""Before each field of a row of one: how many fields there are, and the field's length; -1 for null."""


def whole_fields(rest: bytes | None, buffer: bytes) -> tuple[list[bytes], bytes]:
    """Return the complete fields of rows of one field in COPY's binary format, and what follows the last of them.

    ``rest`` is what followed after the buffer before, ``None`` for the first, which begins with the format's header.
    """
    data = buffer if not rest else rest + buffer
    at = HEADER_BYTES if rest is None else 0
    fields = []
    while at + _FIELD.size <= len(data):
        # The end of all rows is a count of -1 alone, which is shorter than a field.
        _count, length = _FIELD.unpack_from(data, at)
        start, end = at + _FIELD.size, at + _FIELD.size + max(length, 0)
        if end > len(data):
            break
        fields.append(data[start:end])
        at = end
    return fields, data[at:]


async def buffers(conn: "Connection", query: str, *arguments: object) -> AsyncGenerator[bytes, None]:
    """Yield what COPY sends for a query, one buffer ahead of the reader."""
    queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(maxsize=1)
    stopped = asyncio.Event()

    async def hand_on(item: bytes | Exception | None) -> None:
        if not stopped.is_set():
            await queue.put(item)

    async def read() -> None:
        end: Exception | None = None
        try:
            await conn.copy_from_query(query, *arguments, output=hand_on, format="binary", timeout=READ_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - raised where the buffers are read
            end = error
        await hand_on(end)

    reading = asyncio.create_task(read())
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
    except asyncio.CancelledError:
        reading.cancel()
        raise
    finally:
        # For a reader that stops early the rest passes by unread. To cancel the COPY would be quicker, but asyncpg then
        # calls it ended before the server has said its last word, and whoever uses the connection next loses it.
        stopped.set()
        if not queue.empty():
            queue.get_nowait()
        await asyncio.gather(reading, return_exceptions=True)
