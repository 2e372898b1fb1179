"""Checkpoints that a log is held against, each when the pass over the log has come to its size."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.chain import Fault
from events.checkpoints import Checkpoint, read_checkpoint
from events.notes import NoteKey, NoteRefused, open_note
from events.signing import read_keys

if TYPE_CHECKING:
    from events.store import Connection

PAGE = 1000
THOROUGH = 10

_STORED = "select size, note from ledger.checkpoints where size > $1 order by size limit $2"
_NEWEST = "select size, note from ledger.checkpoints where size < $1 order by size desc limit 1"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint whose signature was found to hold, whether it was kept elsewhere than beside the log, and where."""

    checkpoint: Checkpoint
    outside: bool
    kept_in: str | None = None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A checkpoint that the log contradicts. The change is among the leaves from number ``since`` on."""

    anchor: Anchor
    since: int
    problem: str


class Anchors:
    """The checkpoints that a pass over the log meets, smallest first; those beside the log are read a page at a time.

    Args:
        conn: a connection in the snapshot that is looked at.
        since: checkpoints that were kept elsewhere.
    """

    def __init__(self, conn: "Connection", since: Sequence[Anchor]) -> None:
        self._conn = conn
        self._outside = sorted(since, key=lambda one: one.checkpoint.size)
        self._elsewhere = deque(self._outside)
        self._beside: deque[Anchor] = deque()
        self._after = -1
        # The map of streams' ends follows from the events that the root covers, and to make it anew costs as much as
        # there are streams: compared at the last ones.
        self._thorough = {one.checkpoint.size for one in self._outside[-THOROUGH:]}
        self._keys: list[NoteKey] = []
        self._agreed_outside: set[int] = set()
        self._last_agreed = {True: 0, False: 0}
        self.agreed = 0
        self.damage: str | None = None

    async def open(self) -> None:
        """Read the first of them. Has to come before anything else."""
        self._keys = [one.key for one in await read_keys(self._conn)]
        below = 2**63 - 1
        while (row := await self._conn.fetchrow(_NEWEST, below)) is not None:
            below = row["size"]
            if self._opened(below, row["note"]) is not None:
                self._thorough.add(below)
                break
        await self._fill()

    @property
    def unmet(self) -> list[Anchor]:
        """The checkpoints from elsewhere that the log did not agree with, or that the pass did not come to."""
        return [one for one in self._outside if id(one) not in self._agreed_outside]

    @property
    def covered(self) -> int:
        """How many events the largest checkpoint covers that the log agrees with."""
        return max(self._last_agreed.values())

    @property
    def next_size(self) -> int | None:
        """How many events the next checkpoint covers; ``None`` where there is no other."""
        sizes = [waiting[0].checkpoint.size for waiting in (self._beside, self._elsewhere) if waiting]
        return min(sizes, default=None)

    async def compare(self, size: int, root: bytes, heads: Callable[[], Awaitable[bytes]]) -> Contradiction | None:
        """Hold the log against the checkpoints of up to this size."""
        while (next_size := self.next_size) is not None and next_size <= size:
            beside = bool(self._beside) and self._beside[0].checkpoint.size == next_size
            anchor = (self._beside if beside else self._elsewhere).popleft()
            made = anchor.checkpoint.made_at
            if anchor.checkpoint.root != root:
                problem = f"The log is another one than the checkpoint of {made} covers: it was written anew."
                return Contradiction(anchor, self._agreed_until(anchor), problem)
            if next_size in self._thorough and anchor.checkpoint.heads_root != await heads():
                return Contradiction(anchor, size - 1, f"The checkpoint of {made} says that streams ended otherwise.")
            self._agree(anchor)
            if beside and not self._beside:
                await self._fill()
        return None

    def _agree(self, anchor: Anchor) -> None:
        self.agreed += 1
        self._last_agreed[anchor.outside] = anchor.checkpoint.size
        if anchor.outside:
            self._agreed_outside.add(id(anchor))

    def _agreed_until(self, anchor: Anchor) -> int:
        # What is kept beside the log was made of the log as it was here; against a checkpoint from elsewhere it says
        # nothing. Of two checkpoints of one size, as a restore leaves them, the one that agrees says nothing either.
        last = self._last_agreed[True] if anchor.outside else self.covered
        return last if last < anchor.checkpoint.size else 0

    async def beyond(self, position: int) -> Fault | None:
        """Return the fault that a checkpoint of more events shows, the log having ended at this position."""
        cut, waiting = bool(self._beside), list(self._elsewhere)[-1:]
        while self._beside:
            waiting.append(self._beside[-1])
            self._beside.clear()
            await self._fill()
        if not waiting:
            return None
        checkpoint = max((one.checkpoint for one in waiting), key=lambda one: one.size)
        problem = (
            f"The log ends at position {position}. At {checkpoint.made_at} it had {checkpoint.size} events and reached "
            f"position {checkpoint.position}: "
        )
        how = "its end was cut off." if cut else "an older backup was put in its place, or its end was cut off."
        return Fault(position + 1, "", 0, problem + how, "truncated" if cut else "restored")

    async def _fill(self) -> None:
        while not self._beside and (page := await self._conn.fetch(_STORED, self._after, PAGE)):
            self._after = page[-1]["size"]
            found = (self._opened(row["size"], row["note"]) for row in page)
            self._beside.extend(Anchor(one, outside=False) for one in found if one is not None)

    def _opened(self, size: int, note: str) -> Checkpoint | None:
        try:
            open_note(note, self._keys)
            return read_checkpoint(note)
        except NoteRefused as refused:
            self.damage = self.damage or f"The checkpoint of {size} events that is kept beside the log: {refused}"
            return None
