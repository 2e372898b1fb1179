"""Checkpoints that a log is held against, each when the pass over the log has come to its size."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.chain import Fault
from events.checkpoints import Checkpoint, read_checkpoint
from events.notes import NoteRefused, open_note
from events.signing import read_keys

if TYPE_CHECKING:
    from events.store import Connection

PAGE = 1000
THOROUGH = 10

_STORED = "select size, note from ledger.checkpoints where size > $1 order by size limit $2"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint whose signature was found to hold, and whether it was kept elsewhere than beside the log."""

    checkpoint: Checkpoint
    outside: bool


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A checkpoint that the log contradicts. The change is among the leaves from number ``since`` on."""

    anchor: Anchor
    since: int
    problem: str


class Anchors:
    """The checkpoints that a pass over the log meets, smallest first."""

    def __init__(self, anchors: Iterable[Anchor]) -> None:
        self._waiting = sorted(anchors, key=lambda one: (one.checkpoint.size, one.outside), reverse=True)
        # The map of streams' ends follows from the events that the root covers, and to make it anew costs as much as
        # there are streams: compared at the last ones.
        stored = [one for one in self._waiting if not one.outside][:1]
        outside = [one for one in self._waiting if one.outside][:THOROUGH]
        self._thorough = {id(one) for one in (*stored, *outside)}
        self.agreed: list[Anchor] = []

    def expects(self, size: int) -> bool:
        """Tell whether a checkpoint covers so many events and was not compared yet."""
        return bool(self._waiting) and self._waiting[-1].checkpoint.size <= size

    def compare(self, size: int, root: bytes, heads: Callable[[], bytes]) -> Contradiction | None:
        """Hold the log against the checkpoints of this size."""
        while self.expects(size):
            anchor = self._waiting.pop()
            made = anchor.checkpoint.made_at
            if anchor.checkpoint.root != root:
                problem = f"The log is another one than the checkpoint of {made} covers: it was written anew."
                return Contradiction(anchor, self._agreed_until(anchor), problem)
            if id(anchor) in self._thorough and anchor.checkpoint.heads_root != heads():
                return Contradiction(anchor, size - 1, f"The checkpoint of {made} says that streams ended otherwise.")
            self.agreed.append(anchor)
        return None

    def _agreed_until(self, anchor: Anchor) -> int:
        # What is kept beside the log was made of the log as it was here; against a checkpoint from elsewhere it says
        # nothing.
        sizes = [one.checkpoint.size for one in self.agreed if one.outside or not anchor.outside]
        return max(sizes, default=0)

    def beyond(self, position: int) -> Fault | None:
        """Return the fault that a checkpoint of more events shows, the log having ended at this position."""
        if not self._waiting:
            return None
        cut = any(not one.outside for one in self._waiting)
        checkpoint = self._waiting[-1].checkpoint
        problem = (
            f"The log ends at position {position}. At {checkpoint.made_at} it had {checkpoint.size} events and reached "
            f"position {checkpoint.position}: "
        )
        how = "its end was cut off." if cut else "an older backup was put in its place, or its end was cut off."
        return Fault(position + 1, "", 0, problem + how, "truncated" if cut else "restored")


async def stored_anchors(conn: "Connection") -> tuple[list[Anchor], str | None]:
    """Return the checkpoints that are kept beside the log, and what is wrong with one of them, if anything."""
    keys, damage, after = [one.key for one in await read_keys(conn)], None, -1
    found: list[Anchor] = []
    while page := await conn.fetch(_STORED, after, PAGE):
        for row in page:
            try:
                open_note(row["note"], keys)
                found.append(Anchor(read_checkpoint(row["note"]), outside=False))
            except NoteRefused as refused:
                damage = damage or f"The checkpoint of {row['size']} events that is kept beside the log: {refused}"
        after = page[-1]["size"]
    return found, damage
