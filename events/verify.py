"""Checking the log in the database: its hash chain, its order, and that it is the log of which checkpoints were signed.

Everything is read in one snapshot, while appends go on. A log that was rewritten with all that is kept beside it
contradicts only what is kept elsewhere: a checkpoint that was published, or a customer's export.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.anchors import Anchor, Anchors, Contradiction, stored_anchors
from events.chain import Fault, LogCheck, RawEvent, StreamEnd
from events.diagnosis import explain
from events.head_map import HeadLeaf, map_root
from events.heads import map_root_of
from events.merkle import Frontier, leaf_hash
from events.notary import TreeState, tree_state
from events.replay import raw_events
from events.tiles import TreeDamaged, root_of
from events.tree_memory import TreeMemory

if TYPE_CHECKING:
    from events.store import Connection, EventStore

# Columns for lookups repeat what the canonical text says; none of them is hashed by itself.
_UNTRUE_COLUMNS = """
    select position, stream_id, version from ledger.events
    where type <> body ->> 'type' or schema_version <> (body ->> 'schema_version')::int
        or event_id <> (body ->> 'event_id')::uuid or body <> canonical::jsonb
    order by position limit 1
"""
_STREAMS = "select stream_id, version, head_hash, position from ledger.streams"
_FIRST_OF = "select position, stream_id, version from ledger.events where leaf_index = $1"
_PARTED = """
    select min(e.leaf_index) from ledger.events e
    where e.position > (select min(began_after) from ledger.epochs where epoch > 1 and began_after < $1)
"""
_COUNT = "select count(*) from ledger.events"

READ_TIMEOUT_S = 3600.0

Progress = Callable[[int, int], None]
"""Told of how many events of how many are checked."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found. The log holds if ``fault`` is None; the counts are of what was checked before a fault.

    ``checkpoints`` is how many signed checkpoints the log agrees with, ``covered`` how many of its events the last of
    them covers. ``damage`` is what is wrong with the tables beside the log, which can be built again from it.
    """

    events: int
    streams: int
    fault: Fault | None
    checkpoints: int = 0
    covered: int = 0
    damage: str | None = None


async def verify_log(
    store: "EventStore", since: Sequence[Anchor] = (), progress: Progress = lambda _done, _all: None
) -> Verified:
    """Check the log from its first event to its last, and name the first position that does not hold.

    Args:
        store: the log, through a pool of at least two connections.
        since: checkpoints that were kept elsewhere, and have been found to be signed by a key to go by.
        progress: told of how far the check has come.
    """
    async with two_readers(store) as (reading, asking):
        stored, damage = await stored_anchors(asking)
        check = _Pass(asking, Anchors([*stored, *since]), await tree_state(asking))
        total = await asking.fetchval(_COUNT, timeout=READ_TIMEOUT_S)
        fault = await check.run(raw_events(store, conn=reading), lambda done: progress(done, total))
        untrue = await asking.fetchrow(_UNTRUE_COLUMNS, timeout=READ_TIMEOUT_S)
    if untrue is not None and (fault is None or untrue["position"] < fault.position):
        problem = "A column does not say what the recorded content says."
        fault = Fault(untrue["position"], untrue["stream_id"], untrue["version"], problem)
    agreed = check.anchors.agreed
    covered = agreed[-1].checkpoint.size if agreed else 0
    return Verified(check.log.events, check.streams, fault, len(agreed), covered, damage or check.damage)


class _Pass:
    """One pass over the log."""

    def __init__(self, conn: "Connection", anchors: Anchors, state: TreeState) -> None:
        self._conn, self.anchors, self._state = conn, anchors, state
        self._memory, self._tree = TreeMemory(conn), Frontier()
        self._position = 0
        self.log = LogCheck()
        self.streams = 0
        self.damage: str | None = None

    async def run(self, buffers: AsyncGenerator[list[RawEvent], None], progress: Callable[[int], None]) -> Fault | None:
        """Check event after event, then the ends; return the first fault."""
        fault = None
        async with aclosing(buffers):
            async for buffer in buffers:
                fault = await self._take(buffer)
                progress(self.log.events)
                if fault is not None:
                    break
        if fault is None:
            fault = await self._beyond_the_end()
        self.streams = self.log.streams
        return await self._close() if fault is None else fault

    async def _take(self, buffer: list[RawEvent]) -> Fault | None:
        await self._memory.load(self._tree.size, self._tree.size + len(buffer))
        for event in buffer:
            number = self._tree.size
            fault = self.log.take(event)
            if fault is not None:
                return await explain(self._conn, self._memory, event, number, fault)
            leaf, known = leaf_hash(event.hash), self._memory.at(number)
            if known is not None and known.leaf != leaf:
                problem = "Another event was recorded here: the log was written anew from this position on."
                return Fault(event.position, event.stream_id, event.version, problem, "forked")
            self._tree.add(leaf)
            self._position = event.position
            if self._tree.size == self._state.size:
                await self._look_at_the_tree()
            if self.anchors.expects(self._tree.size):
                contradiction = self.anchors.compare(self._tree.size, self._tree.root, self._heads)
                if contradiction is not None:
                    return await self._forked(contradiction, event)
        return None

    async def _forked(self, found: Contradiction, last: RawEvent) -> Fault:
        since = found.since
        if found.anchor.outside and not since:
            # An operator who restored a backup and said so tells where the histories part.
            since = await self._conn.fetchval(_PARTED, found.anchor.checkpoint.position) or 0
        row = await self._conn.fetchrow(_FIRST_OF, since)
        assert row is not None  # noqa: S101 - the pass has just come by it
        problem = found.problem
        if row["position"] < last.position:
            problem += f" The change begins here, or at a later position up to {last.position}."
        return Fault(row["position"], row["stream_id"], row["version"], problem, "forked")

    def _heads(self) -> bytes:
        return map_root(HeadLeaf(stream_id, end.version, end.hash) for stream_id, end in self.log.ends)

    async def _beyond_the_end(self) -> Fault | None:
        """Tell whether the log went on once."""
        size = self._tree.size
        if self._state.size > size:
            known = await self._memory.find(size)
            position = self._position + 1 if known is None else known.position
            problem = f"The log ended later once: {self._state.size - size} events are cut off from here on."
            return Fault(position, "", 0, problem, "truncated")
        return self.anchors.beyond(self._position)

    async def _look_at_the_tree(self) -> None:
        """Compare the roots that proofs are made under with those of the events that they are about."""
        try:
            right = await root_of(self._conn, self._tree.size) == self._tree.root
        except TreeDamaged:
            right = False
        if not right:
            self.damage = "The Merkle tree that is kept beside the log is damaged; run `keyledger rebuild tree`."
        elif await map_root_of(self._conn) != self._heads():
            self.damage = (
                "The map of streams' ends that is kept beside the log is damaged; run `keyledger rebuild tree`."
            )

    async def _close(self) -> Fault | None:
        rows = await self._conn.fetch(_STREAMS, timeout=READ_TIMEOUT_S)
        return self.log.close((row[0], StreamEnd(row[1], row[2], row[3])) for row in rows)


@asynccontextmanager
async def two_readers(store: "EventStore") -> AsyncIterator[tuple["Connection", "Connection"]]:
    """Lend two connections that see the same snapshot of the database."""
    async with store.pool.acquire() as one, one.transaction(isolation="repeatable_read", readonly=True):
        snapshot = await one.fetchval("select pg_export_snapshot()")
        async with store.pool.acquire() as other, other.transaction(isolation="repeatable_read", readonly=True):
            await other.execute(f"set transaction snapshot '{snapshot}'")
            yield one, other
