"""Reading the whole log fast, in bounded memory: COPY into one buffer at a time, decoded a buffer at a time.

Canonical JSON escapes every control character. Two of them as delimiter and quote therefore let COPY's CSV format pass
the text as it is stored: one line for each event, with no quoting to undo.
"""

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson

from events.chain import RawEvent
from events.workspace import UnreadableEvent, Workspace

if TYPE_CHECKING:
    from events.store import Connection, EventStore

DELIMITER = b"\x01"
QUOTE = b"\x02"
REPLAY_TIMEOUT_S = 6 * 3600.0

STATES_AT_ONCE = 4000

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

Sink = Callable[[bytes], Coroutine[Any, Any, None]]
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
        async with aclosing(_buffers(reading, _BY_STREAM if by_stream else _BY_POSITION)) as buffers:
            async for buffer in buffers:
                await folding.take(buffer)
    await folding.hand_over()
    return folding.events


class _Folding:
    """A fold in progress: the states at hand, and what is left of a buffer's last line."""

    def __init__(self, on_workspace: OnWorkspace, on_unreadable: OnUnreadable | None, *, by_stream: bool) -> None:
        self._on_workspace, self._on_unreadable, self._by_stream = on_workspace, on_unreadable, by_stream
        self._rest = b""
        self._states: dict[str, Workspace] = {}
        self._unreadable: set[str] = set()
        self.events = 0

    async def take(self, buffer: bytes) -> None:
        lines, self._rest = _whole_lines(self._rest, buffer)
        rows = _decode(lines)
        self.events += len(rows)
        states = self._states
        for stream_id, version, position, body in rows:
            state = states.get(stream_id)
            if state is None:
                if stream_id in self._unreadable:
                    continue
                if self._by_stream:
                    await self.hand_over()
                state = states[stream_id] = Workspace(stream_id)
            try:
                state.apply(body["type"], body["data"], body["event_id"], version, position, body["schema_version"])
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
    async with _connection(store, conn) as reading, aclosing(_buffers(reading, _RAW, after)) as buffers:
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


def _decode(lines: bytes) -> list[list[Any]]:
    # The rows are thousands of new containers, none of them in a cycle: to look for cycles among them while they are
    # made costs as much as a fifth of making them.
    collecting = gc.isenabled()
    gc.disable()
    try:
        # Each line is a JSON array and a comma.
        rows: list[list[Any]] = orjson.loads(b"[" + lines + b"0]")
    finally:
        if collecting:
            gc.enable()
    rows.pop()
    return rows


async def _copy(conn: "Connection", query: str, *arguments: object, sink: Sink) -> None:
    await conn.copy_from_query(
        query,
        *arguments,
        output=sink,
        format="csv",
        delimiter=DELIMITER.decode(),
        quote=QUOTE.decode(),
        timeout=REPLAY_TIMEOUT_S,
    )


async def _buffers(conn: "Connection", query: str, *arguments: object) -> AsyncGenerator[bytes, None]:
    """Yield what COPY sends, one buffer ahead of the reader."""
    queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(maxsize=1)

    async def read() -> None:
        end: Exception | None = None
        try:
            await _copy(conn, query, *arguments, sink=queue.put)
        except Exception as error:  # noqa: BLE001 - raised where the buffers are read
            end = error
        await queue.put(end)

    reading = asyncio.create_task(read())
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        # A reader that stops early: only a cancelled COPY gives its connection back in order.
        reading.cancel()
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
