"""What a checkpoint that was kept elsewhere covers and the log does not hold any more: an older backup took its place.

Whatever a checkpoint covers was recorded before it was made, and what a restored log went on with was recorded after
that. So the events of the log up to that time are what is left of those that it covers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from events.anchors import Anchor
from events.catalogue.instants import read_instant
from events.checkpoints import Checkpoint

if TYPE_CHECKING:
    from events.store import Connection

_EVENT = "select leaf_index, position, recorded_at from ledger.events where leaf_index <= $1 order by 1 desc limit 1"
_LAST = "select coalesce(max(leaf_index), -1) from ledger.events"
_SAID = """
    select e.epoch, e.reason, e.began_after,
        (select coalesce(max(leaf_index), -1) + 1 from ledger.events where position <= e.began_after) as size
    from ledger.epochs e where e.epoch > 1 and e.began_at > $1 order by e.epoch limit 1
"""


@dataclass(frozen=True, slots=True)
class Missing:
    """The ``events`` from leaf ``first`` to leaf ``last``, at positions after ``after`` and up to ``until``.

    The checkpoint of ``size`` events, made at ``made_at`` and kept in ``kept_in``, covers them. ``said`` is the reason
    that an operator gave for beginning an epoch after it, if one did.
    """

    events: int
    first: int
    last: int
    after: int
    until: int
    size: int
    made_at: str
    kept_in: str | None
    said: str | None


class Left(NamedTuple):
    """How many of the events that a checkpoint covers are left at most, and at which position the last of them is."""

    size: int
    position: int
    said: str | None


async def left_of(conn: "Connection", checkpoint: Checkpoint) -> Left:
    """Return what is left of what a checkpoint covers. Where the log was changed in place, that may be all of it."""
    made_at = read_instant(checkpoint.made_at)
    size = await _size_at(conn, made_at)
    epoch = await conn.fetchrow(_SAID, made_at)
    if epoch is not None:
        size = min(size, epoch["size"])
    size = min(size, checkpoint.size)
    row = await conn.fetchrow(_EVENT, size - 1)
    return Left(size, 0 if row is None else row["position"], None if epoch is None else epoch["reason"])


async def find_missing(conn: "Connection", unmet: Iterable[Anchor]) -> Missing | None:
    """Return what is missing of what the largest of these checkpoints covers, ``None`` where nothing is."""
    for anchor in sorted(unmet, key=lambda one: one.checkpoint.size, reverse=True):
        checkpoint, left = anchor.checkpoint, await left_of(conn, anchor.checkpoint)
        if left.size < checkpoint.size:
            return Missing(
                events=checkpoint.size - left.size,
                first=left.size,
                last=checkpoint.size - 1,
                after=left.position,
                until=checkpoint.position,
                size=checkpoint.size,
                made_at=checkpoint.made_at,
                kept_in=anchor.kept_in,
                said=left.said,
            )
    return None


async def _size_at(conn: "Connection", moment: datetime) -> int:
    """Return how many events were recorded up to a moment: their times rise with their leaves."""
    low, high = 0, await conn.fetchval(_LAST) + 1
    while low < high:
        middle = (low + high) // 2
        row = await conn.fetchrow(_EVENT, middle)
        if row is None or row["recorded_at"] <= moment:
            low = middle + 1
        else:
            high = middle
    return low
