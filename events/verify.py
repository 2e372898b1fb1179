"""Checking the log in the database: its hash chain, its order, and that it is the log of which checkpoints were signed.

Everything is read in one snapshot, while appends go on. A log that was rewritten with all that is kept beside it
contradicts only what is kept elsewhere: a checkpoint that was published, or a customer's export.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from events.anchors import Anchor, Anchors, Contradiction
from events.chain import Fault, RawEvent
from events.diagnosis import explain
from events.head_map import MapBuilder
from events.heads import map_root_of
from events.intake import TreeState, tree_state
from events.log_check import LogCheck
from events.merkle import Frontier
from events.missing import Missing, find_missing, left_of
from events.progress import Progress, unseen
from events.raw import raw_events
from events.stream_ends import KEPT
from events.tiles import TreeDamaged, root_of
from events.tree_memory import TreeMemory

if TYPE_CHECKING:
    from events.store import Connection, EventStore

# Columns for lookups repeat what the canonical text says; none of them is hashed by itself. The least position of an
# expression, and not of the column: an index would give that by reading one row after the other, with one core.
_UNTRUE_COLUMNS = """
    select position, stream_id, version from ledger.events where position = (
        select min(position + 0) from ledger.events
        where type <> body ->> 'type' or schema_version <> (body ->> 'schema_version')::int
            or event_id <> (body ->> 'event_id')::uuid or body <> canonical::jsonb
    )
"""
_FIRST_OF = "select position, stream_id, version from ledger.events where leaf_index = $1"
_COUNT = "select coalesce(max(leaf_index), -1) + 1 from ledger.events"

READ_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found. The log holds if ``fault`` is None; the counts are of what was checked before a fault.

    ``checkpoints`` is how many signed checkpoints the log agrees with, ``covered`` how many of its events the last of
    them covers. ``damage`` is what is wrong with the tables beside the log, which can be built again from it.
    ``missing`` is what checkpoints from elsewhere cover and an older backup took away.
    """

    events: int
    streams: int
    fault: Fault | None
    checkpoints: int = 0
    covered: int = 0
    damage: str | None = None
    missing: Missing | None = None


async def verify_log(
    store: "EventStore",
    since: Sequence[Anchor] = (),
    progress: Progress = unseen,
    *,
    kept: int = KEPT,
) -> Verified:
    """Check the log from its first event to its last, and name the first position that does not hold.

    Args:
        store: the log, through a pool of at least three connections.
        since: checkpoints that were kept elsewhere, and have been found to be signed by a key to go by.
        progress: told of how far the check has come.
        kept: of how many streams the ends are kept in memory at least; those of others are looked up in the log.
    """
    async with readers(store, 3) as (reading, asking, comparing):
        anchors = Anchors(asking, since)
        await anchors.open()
        check = _Pass(asking, anchors, await tree_state(asking), kept)
        total = await asking.fetchval(_COUNT)
        # The server compares columns meanwhile, on another core.
        looking = asyncio.ensure_future(comparing.fetchrow(_UNTRUE_COLUMNS, timeout=READ_TIMEOUT_S))
        try:
            fault = await check.run(raw_events(store, conn=reading), lambda done: progress(done, total))
            untrue = await looking
        finally:
            looking.cancel()
        missing = None if fault is None else await find_missing(asking, anchors.unmet)
    if untrue is not None and (fault is None or untrue["position"] < fault.position):
        problem = "A column does not say what the recorded content says."
        fault = Fault(untrue["position"], untrue["stream_id"], untrue["version"], problem)
    damage = anchors.damage or check.damage
    return Verified(check.log.events, check.log.streams, fault, anchors.agreed, anchors.covered, damage, missing)


class _Pass:
    """One pass over the log."""

    def __init__(self, conn: "Connection", anchors: Anchors, state: TreeState, kept: int) -> None:
        self._conn, self._anchors, self._state = conn, anchors, state
        self._memory, self._tree = TreeMemory(conn), Frontier()
        self.log = LogCheck(conn, kept=kept)
        self.damage: str | None = None

    async def run(self, pages: AsyncGenerator[list[RawEvent], None], progress: Callable[[int], None]) -> Fault | None:
        """Check event after event, then the ends; return the first fault."""
        fault = await self._stop(None)
        async with aclosing(pages):
            async for page in pages:
                fault = fault or await self._take(page)
                progress(self.log.events)
                if fault is not None:
                    return fault
        return fault or await self._beyond_the_end() or await self.log.ends.close()

    async def _take(self, page: list[RawEvent]) -> Fault | None:
        at = 0
        while at < len(page):
            stops = [stop for stop in (self._anchors.next_size, self._state.size) if stop and stop > self._tree.size]
            until = min([at + stop - self._tree.size for stop in stops], default=len(page))
            fault = await self._take_piece(page[at:until] if at or until < len(page) else page)
            if fault is not None:
                return fault
            at = until
        return None

    async def _take_piece(self, events: list[RawEvent]) -> Fault | None:
        number = self._tree.size
        fault = await self.log.take(events)
        holding = events[: self.log.events - number]
        leaves = [sha256(b"\x00" + event.hash).digest() for event in holding]
        other = await self._memory.first_other(number, leaves) if leaves else None
        if other is not None:
            event = holding[other]
            problem = "Another event was recorded here: the log was written anew from this position on."
            return Fault(event.position, event.stream_id, event.version, problem, "forked")
        if fault is not None:
            return await explain(self._conn, self._memory, events[len(holding)], self.log.events, fault)
        self._tree.extend(leaves)
        return await self._stop(events[-1])

    async def _stop(self, last: RawEvent | None) -> Fault | None:
        """Compare with what is known of the log at this size."""
        size = self._tree.size
        if size and size == self._state.size:
            await self._look_at_the_tree()
        if self._anchors.next_size is None or self._anchors.next_size > size:
            return None
        contradiction = await self._anchors.compare(size, self._tree.root, self._heads)
        return None if contradiction is None or last is None else await self._forked(contradiction, last)

    async def _forked(self, found: Contradiction, last: RawEvent) -> Fault:
        since = found.since
        if found.anchor.outside:
            left = await left_of(self._conn, found.anchor.checkpoint)
            # Where a backup was put back, what agreed so far may be checkpoints of the log that went on from there.
            since = left.size if left.size < found.anchor.checkpoint.size else since
        row = await self._conn.fetchrow(_FIRST_OF, since)
        assert row is not None  # noqa: S101 - the pass has just come by it
        problem = found.problem
        if row["position"] < last.position:
            problem += f" The change begins here, or at a later position up to {last.position}."
        return Fault(row["position"], row["stream_id"], row["version"], problem, "forked")

    async def _heads(self) -> bytes:
        building = MapBuilder()
        async for leaf in self.log.ends.heads(self._tree.size, self.log.position):
            building.add(leaf)
        return building.finish()

    async def _beyond_the_end(self) -> Fault | None:
        """Tell whether the log went on once."""
        size = self._tree.size
        if self._state.size > size:
            known = await self._memory.find(size)
            position = self.log.position + 1 if known is None else known.position
            problem = f"The log ended later once: {self._state.size - size} events are cut off from here on."
            return Fault(position, "", 0, problem, "truncated")
        return await self._anchors.beyond(self.log.position)

    async def _look_at_the_tree(self) -> None:
        """Compare the roots that proofs are made under with those of the events that they are about."""
        try:
            right = await root_of(self._conn, self._tree.size) == self._tree.root
        except TreeDamaged:
            right = False
        if not right:
            self.damage = "The Merkle tree that is kept beside the log is damaged; run `keyledger rebuild tree`."
        elif await map_root_of(self._conn) != await self._heads():
            self.damage = (
                "The map of streams' ends that is kept beside the log is damaged; run `keyledger rebuild tree`."
            )


@asynccontextmanager
async def readers(store: "EventStore", count: int) -> AsyncIterator[list["Connection"]]:
    """Lend so many connections that see the same snapshot of the database."""
    async with AsyncExitStack() as stack:
        lent: list[Connection] = []
        snapshot = ""
        for _ in range(count):
            conn = await stack.enter_async_context(store.pool.acquire())
            await stack.enter_async_context(conn.transaction(isolation="repeatable_read", readonly=True))
            if lent:
                await conn.execute(f"set transaction snapshot '{snapshot}'")
            else:
                snapshot = await conn.fetchval("select pg_export_snapshot()")
            lent.append(conn)
        yield lent
