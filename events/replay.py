"""Folding the whole log fast, in bounded memory: COPY into one buffer at a time, decoded a buffer at a time."""

import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

from events.copying import BLOCK, BLOCKS, buffers, whole_fields
from events.progress import Progress, unseen
from events.workspace import UnreadableEvent, Workspace

if TYPE_CHECKING:
    from events.store import Connection, EventStore

STATES_AT_ONCE = 4000

# A stream's name has no character that JSON would escape: the append function admits slugs and the system stream only.
_LINE = """concat('["', stream_id, '",', version, ',', position, ',', canonical, '],')"""
_BY_STREAM = f"""
    select {_LINE} from ledger.events where stream_id <> '$system' and position > $1 order by stream_id, version
"""
_BY_POSITION = f"""
    {BLOCKS}
    select (
        select string_agg(line, '') from (
            select * from (
                select {_LINE} as line, stream_id from ledger.events where position >= blocks.first
                order by position limit {BLOCK}
            ) block where stream_id <> '$system'
        ) lines
    )
    from blocks where blocks.first is not null
"""
_SIZE = "select coalesce(max(leaf_index), -1) + 1 from ledger.events"
_MANY = "select count(*) > $1 from (select from ledger.streams limit $1 + 1) counted"

OnWorkspace = Callable[[Workspace], Awaitable[None] | None]
OnUnreadable = Callable[[UnreadableEvent, Workspace], Awaitable[None] | None]


async def fold_all(
    store: "EventStore",
    on_workspace: OnWorkspace,
    on_unreadable: OnUnreadable | None = None,
    *,
    conn: "Connection | None" = None,
    states_at_once: int = STATES_AT_ONCE,
    progress: Progress = unseen,
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
        progress: told of how many events of how many are folded; those of the system stream are passed over.

    Raises:
        UnreadableEvent: see ``on_unreadable``.
    """
    async with _connection(store, conn) as reading:
        total = await reading.fetchval(_SIZE)
        by_stream = bool(await reading.fetchval(_MANY, states_at_once))
        folding = _Folding(on_workspace, on_unreadable, by_stream=by_stream)
        async with aclosing(buffers(reading, _BY_STREAM if by_stream else _BY_POSITION, 0)) as sent:
            async for buffer in sent:
                await folding.take(buffer)
                progress(folding.events, total)
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
        texts, self._rest = whole_fields(self._rest, buffer)
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
