"""Reading the whole log fast, in bounded memory: COPY into one buffer at a time, decoded a buffer at a time.

A fold takes COPY's binary format, which passes texts as they are stored. Whoever reads all columns takes CSV: canonical
JSON escapes every control character, so that two of them as delimiter and quote leave no quoting to undo.
"""

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import msgspec

from events.chain import RawEvent
from events.workspace import UnreadableEvent, Workspace

if TYPE_CHECKING:
    from events.store import Connection, EventStore

DELIMITER = b"\x01"
QUOTE = b"\x02"
REPLAY_TIMEOUT_S = 6 * 3600.0

STATES_AT_ONCE = 4000

_TEXT: Final = {"format": "csv", "delimiter": DELIMITER.decode(), "quote": QUOTE.decode()}
_BINARY: Final = {"format": "binary"}
_HEADER_BYTES: Final = 19
_FIELD: Final = Struct(">hi")
"""Before each field of a row of one: how many fields there are, and the field's length; -1 for null."""

# A stream's name has no character that JSON would escape: the append function admits slugs and the system stream only.
_LINES = """
    select concat('["', stream_id, '",', version, ',', position, ',', canonical, '],') as line
    from ledger.events where stream_id <> '$system'
"""
_BY_STREAM = f"{_LINES} order by stream_id, version"
# A message for each event costs the reader as much as decoding it; blocks of positions make fewer, larger ones.
_BY_POSITION = f"""
    select (
        select string_agg(line, '') from (
            {_LINES} and position >= block and position < block + 128 order by position
        ) lines
    )
    from generate_series(0, (select max(position) from ledger.events), 128) block
"""
_MANY = "select count(*) > $1 from (select from ledger.streams limit $1 + 1) counted"
_RAW = """
    select position, stream_id, version, leaf_index, (extract(epoch from recorded_at) * 1000000)::bigint, hash,
        canonical
    from ledger.events where position > $1 order by position
"""

OnWorkspace = Callable[[Workspace], Awaitable[None] | None]
OnUnreadable = Callable[[UnreadableEvent, Workspace], Awaitable[None] | None]


async def fold_all(
    store: "EventStore",
    on_workspace: OnWorkspace,
    on_unreadable: OnUnreadable | None = None,
    *,
    conn: "Connection | None" = None,
    states_at_once: int = STATES_AT_ONCE,
) -> int:
    """Fold every workspace's events into its state, in one snapshot of the log; return how many events there were.

    Memory holds one buffer and at most ``states_at_once`` workspaces, however long the log is.

    Args:
        store: the log.
        on_workspace: called with each state, in the order of slugs.
        on_unreadable: called with an event that cannot be folded and the state before it, instead of ``on_workspace``
            for that workspace; without it such an event ends the fold.
        conn: the connection of the caller's transaction.
        states_at_once: how many workspaces are folded side by side; with more of them the log is read stream by stream,
            which is slower.

    Raises:
        UnreadableEvent: see ``on_unreadable``.
    """
    async with _connection(store, conn) as reading:
        by_stream = bool(await reading.fetchval(_MANY, states_at_once))
        folding = _Folding(on_workspace, on_unreadable, by_stream=by_stream)
        async with aclosing(_buffers(reading, _BY_STREAM if by_stream else _BY_POSITION, _BINARY)) as buffers:
            async for buffer in buffers:
                await folding.take(buffer)
    await folding.hand_over()
    return folding.events


class _Folding:
    """A fold in progress: the states at hand, and what is left of a buffer's last line."""

    def __init__(self, on_workspace: OnWorkspace, on_unreadable: OnUnreadable | None, *, by_stream: bool) -> None:
        self._on_workspace, self._on_unreadable, self._by_stream = on_workspace, on_unreadable, by_stream
        self._rest: bytes | None = None
        self._states: dict[str, Workspace] = {}
        self._unreadable: set[str] = set()
        self.events = 0

    async def take(self, buffer: bytes) -> None:
        texts, self._rest = _whole_fields(self._rest, buffer)
        rows = _decode(texts)
        self.events += len(rows)
        states = self._states
        for row in rows:
            stream_id, body = row.stream_id, row.body
            state = states.get(stream_id)
            if state is None:
                if stream_id in self._unreadable:
                    continue
                if self._by_stream:
                    await self.hand_over()
                state = states[stream_id] = Workspace(stream_id)
            try:
                state.apply(body.type, body.data, body.event_id, row.version, row.position, body.schema_version)
            except UnreadableEvent as error:
                await self._give_up(state, error)

    async def _give_up(self, state: Workspace, error: UnreadableEvent) -> None:
        if self._on_unreadable is None:
            raise error
        del self._states[state.slug]
        self._unreadable.add(state.slug)
        await _maybe(self._on_unreadable(error, state))

    async def hand_over(self) -> None:
        """Hand over the states at hand, which are complete."""
        for slug in sorted(self._states):
            await _maybe(self._on_workspace(self._states.pop(slug)))


async def raw_events(
    store: "EventStore", after: int = 0, *, conn: "Connection | None" = None
) -> AsyncGenerator[list[RawEvent], None]:
    """Yield the rows of the log after a position as they are stored, oldest first, in lists of one buffer each."""
    rest = b""
    async with _connection(store, conn) as reading, aclosing(_buffers(reading, _RAW, _TEXT, after)) as buffers:
        async for buffer in buffers:
            lines, rest = _whole_lines(rest, buffer)
            yield [_raw(line) for line in lines.splitlines()]


def _raw(line: bytes) -> RawEvent:
    position, stream_id, version, leaf_index, recorded_us, digest, canonical = line.split(DELIMITER)
    return RawEvent(
        int(position),
        stream_id.decode(),
        int(version),
        int(leaf_index),
        int(recorded_us),
        canonical,
        bytes.fromhex(digest[2:].decode()),  # written as \x...
    )


def _whole_lines(rest: bytes, buffer: bytes) -> tuple[bytes, bytes]:
    """Return the complete lines, and what follows the last line break."""
    if rest:
        buffer = rest + buffer
    if buffer.endswith(b"\n"):
        return buffer, b""
    lines, line_break, rest = buffer.rpartition(b"\n")
    return lines + line_break, rest


def _whole_fields(rest: bytes | None, buffer: bytes) -> tuple[list[bytes], bytes]:
    """Return the complete fields of rows of one field in COPY's binary format, and what follows the last of them.

    ``rest`` is what followed after the buffer before, ``None`` for the first, which begins with the format's header.
    """
    data = buffer if not rest else rest + buffer
    at = _HEADER_BYTES if rest is None else 0
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


class _Body(msgspec.Struct, gc=False):
    """What a fold needs of an event's content; the rest is passed over without being made into values."""

    type: str
    schema_version: int
    data: Any = None
    event_id: str = ""


class _Row(msgspec.Struct, array_like=True, gc=False):
    stream_id: str
    version: int
    position: int
    body: _Body


_ROWS: Final = msgspec.json.Decoder(list[_Row])


def _decode(texts: list[bytes]) -> list[_Row]:
    # The rows are thousands of new containers, none of them in a cycle: to look for cycles among them while they are
    # made costs as much as a fifth of making them.
    collecting = gc.isenabled()
    gc.disable()
    try:
        # Each text holds JSON arrays, each with a comma after it.
        return _ROWS.decode(b"[%b]" % b"".join(texts).rstrip(b","))
    finally:
        if collecting:
            gc.enable()


async def _buffers(
    conn: "Connection", query: str, form: Mapping[str, Any], *arguments: object
) -> AsyncGenerator[bytes, None]:
    """Yield what COPY sends, one buffer ahead of the reader."""
    queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(maxsize=1)
    stopped = asyncio.Event()

    async def hand_on(item: bytes | Exception | None) -> None:
        if not stopped.is_set():
            await queue.put(item)

    async def read() -> None:
        end: Exception | None = None
        try:
            await conn.copy_from_query(query, *arguments, output=hand_on, timeout=REPLAY_TIMEOUT_S, **form)
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


@asynccontextmanager
async def _connection(store: "EventStore", conn: "Connection | None") -> AsyncIterator["Connection"]:
    if conn is not None:
        yield conn
    else:
        async with store.pool.acquire() as own:
            yield own


async def _maybe(result: Awaitable[None] | None) -> None:
    if result is not None:
        await result
