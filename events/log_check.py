"""The hash chain of the whole log, checked in the log's order in one pass."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from events.chain import BEFORE_THE_FIRST, PLACE, Fault, RawEvent, StreamEnd, beginning, fault_at, follows
from events.stream_ends import KEPT, StreamEnds

if TYPE_CHECKING:
    from events.store import Connection


class LogCheck:
    """A check of the log in position order. Memory does not grow with the log: see ``StreamEnds``.

    Args:
        conn: a connection in the snapshot of the pass.
        events: how many events stand in front of the first that is checked.
        position: the last one's position.
        kept: of how many streams the ends are kept at least.
    """

    def __init__(self, conn: "Connection", events: int = 0, position: int = 0, *, kept: int = KEPT) -> None:
        self.ends = StreamEnds(conn, kept, whole=events == 0)
        self.events, self.position = events, position
        self.streams = 0
        self._time = -(1 << 63)

    async def take(self, events: Sequence[RawEvent]) -> Fault | None:
        """Check the next events; after a fault, before which ``events`` counts them, there is nothing more to learn."""
        await self.ends.load(events)
        find, put, pack, digest_of = self.ends.find, self.ends.put, PLACE.pack, sha256
        number, last, time, streams = self.events, self.position, self._time, 0
        for event in events:
            position, stream_id, version, leaf_index, recorded_us, canonical, digest = event
            end = find(stream_id)
            before, previous, reached, start = end or (0, BEFORE_THE_FIRST, 0, beginning(stream_id))
            place = pack(version, position, leaf_index, recorded_us)
            if (
                leaf_index != number
                or version != before + 1
                or position <= last
                or position <= reached
                or recorded_us <= time
                or digest_of(start + place + previous + digest_of(canonical).digest()).digest() != digest
            ):
                break
            put(stream_id, (version, digest, position, start))
            streams += version == 1
            number, last, time = number + 1, position, recorded_us
        taken = number - self.events
        self.events, self.position, self._time = number, last, time
        self.streams += streams
        return None if taken == len(events) else self._fault(events[taken])

    def _fault(self, event: RawEvent) -> Fault | None:
        """Return what is wrong with the next event."""
        if event.position <= self.position:
            return fault_at(event, f"It comes after position {self.position}.", "reordered")
        if event.leaf_index != self.events:
            problem = f"It is leaf {event.leaf_index} where leaf {self.events} belongs."
            return fault_at(event, problem, "removed" if event.leaf_index > self.events else "reordered")
        if event.recorded_us <= self._time:
            return fault_at(event, "Its time is not later than that of the event before it.")
        end = self.ends.find(event.stream_id)
        return follows(event, StreamEnd(0, BEFORE_THE_FIRST, 0) if end is None else StreamEnd(*end[:3]))
