"""The log's rows exactly as they are stored, in bounded memory: blocks of them in PostgreSQL's own binary form."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from struct import Struct
from typing import TYPE_CHECKING, Final

from events.chain import RawEvent
from events.copying import BLOCK, BLOCKS, buffers, whole_fields

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from events.store import Connection, EventStore

# record_send writes each row in one call, without text to make and to read again.
_RAW: Final = f"""
    {BLOCKS}
    select (
        select string_agg(sent, '') from (
            select record_send(row(position, version, leaf_index, recorded_at, hash, stream_id, canonical)) as sent
            from ledger.events where position >= blocks.first order by position limit {BLOCK}
        ) rows
    )
    from blocks where blocks.first is not null limit $2
"""
_ROW: Final = Struct(">4x 8xq 8xq 8xq 8xq 4xi32s 4xi")
"""A record: how many columns; before each of them its type and its length, which only for three of them may differ."""

_LENGTH: Final = Struct(">4xi")
_EPOCH_US: Final = 946_684_800_000_000
"""PostgreSQL counts from the year 2000."""

_LATEST_US: Final = 2**63 - 1
_HASH_BYTES: Final = 32
_COLUMNS: Final = 7


async def raw_events(
    store: "EventStore", after: int = 0, *, conn: "Connection | None" = None, limit: int | None = None
) -> AsyncGenerator[list[RawEvent], None]:
    """Yield the rows of the log after a position as they are stored, oldest first, in lists of one buffer each.

    ``limit`` is how many at most, made full to a block.
    """
    blocks_at_most = None if limit is None else -(-limit // BLOCK)
    rest: bytes | None = None
    async with _reading(store, conn) as reading, aclosing(buffers(reading, _RAW, after, blocks_at_most)) as sent:
        async for buffer in sent:
            blocks, rest = whole_fields(rest, buffer)
            events = [event for block in blocks for event in _rows(block)]
            if events:
                yield events


def _rows(block: bytes) -> Iterator[RawEvent]:
    at, end = 0, len(block)
    unpack, row, length_of, length_size = _ROW.unpack_from, _ROW.size, _LENGTH.unpack_from, _LENGTH.size
    while at < end:
        if end - at < row:
            event, at = _odd(block, at)
            yield event
            continue
        position, version, leaf_index, recorded, hash_length, digest, name_length = unpack(block, at)
        after = at + row + name_length
        if hash_length != _HASH_BYTES or name_length < 0 or (length := length_of(block, after)[0]) < 0:
            event, at = _odd(block, at)
            yield event
            continue
        stream_id, start = block[at + row : after].decode(), after + length_size
        at = start + length
        recorded_us = min(recorded + _EPOCH_US, _LATEST_US)
        yield RawEvent(position, stream_id, version, leaf_index, recorded_us, block[start:at], digest)


def _odd(block: bytes, at: int) -> tuple[RawEvent, int]:
    """Return a row that no append has written, such as one with an empty column; what it lacks is nothing or -1."""
    at += 4
    columns = []
    for _ in range(_COLUMNS):
        (length,) = _LENGTH.unpack_from(block, at)
        start = at + _LENGTH.size
        at = start + max(length, 0)
        columns.append(block[start:at])
    position, version, leaf_index, recorded = (
        int.from_bytes(column, "big", signed=True) if column else -1 for column in columns[:4]
    )
    digest, stream_id, canonical = columns[4:]
    recorded_us = min(recorded + _EPOCH_US, _LATEST_US)
    return RawEvent(position, stream_id.decode(), version, leaf_index, recorded_us, canonical, digest), at


@asynccontextmanager
async def _reading(store: "EventStore", conn: "Connection | None") -> "AsyncIterator[Connection]":
    if conn is not None:
        yield conn
    else:
        async with store.pool.acquire() as own:
            yield own
