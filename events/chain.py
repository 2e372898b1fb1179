r"""The hash chain: each event's hash covers its content, its place and the event before it in its stream.

hash = SHA-256 of: ``keyledger/event/v1\n``, the stream's name after its length in four bytes, then version, position,
leaf index and microseconds since the Unix epoch in eight bytes each, the hash of the event before (32 zero bytes before
the first), and the SHA-256 of the canonical text. Numbers are signed and big-endian.
"""

import struct
from collections.abc import Iterable
from hashlib import sha256
from typing import Literal, NamedTuple, TypeAlias

DOMAIN = b"keyledger/event/v1\n"
BEFORE_THE_FIRST = bytes(32)

PLACE = struct.Struct(">qqqq")
_LENGTH = struct.Struct(">i")


class RawEvent(NamedTuple):
    """A row of the log as it is stored. ``recorded_us`` are microseconds since the Unix epoch."""

    position: int
    stream_id: str
    version: int
    leaf_index: int
    recorded_us: int
    canonical: bytes
    hash: bytes


Kind: TypeAlias = Literal["edited", "removed", "inserted", "reordered", "truncated", "forked", "restored"]
"""What was done to the log: an event changed, taken out, put in or moved; the end cut off; another history put in the
place of this one; an older backup put back."""


class Fault(NamedTuple):
    """The first place where the log does not hold, and how. ``stream_id`` is empty where no stream can be named."""

    position: int
    stream_id: str
    version: int
    problem: str
    kind: Kind = "edited"


class StreamEnd(NamedTuple):
    """Where a stream ends: its last version, that event's hash and position."""

    version: int
    hash: bytes
    position: int


def link(
    stream_id: str, version: int, position: int, leaf_index: int, recorded_us: int, previous: bytes, canonical: bytes
) -> bytes:
    """Return the hash of an event. ``previous`` is the hash of the event before it in its stream."""
    place = PLACE.pack(version, position, leaf_index, recorded_us)
    return sha256(beginning(stream_id) + place + previous + sha256(canonical).digest()).digest()


def beginning(stream_id: str) -> bytes:
    """Return the bytes with which what is hashed begins, for every event of a stream."""
    name = stream_id.encode()
    return DOMAIN + _LENGTH.pack(len(name)) + name


def holds(event: RawEvent, previous: bytes) -> bool:
    """Tell whether the event's hash follows from what is stored and the hash before it."""
    expected = link(
        event.stream_id,
        event.version,
        event.position,
        event.leaf_index,
        event.recorded_us,
        previous,
        event.canonical,
    )
    return expected == event.hash


def verify_stream(events: Iterable[RawEvent]) -> Fault | None:
    """Check one stream from its first event on, in order; return the first fault.

    A stream whose end was cut off holds in itself; its recorded end, or a signed checkpoint, tells.
    """
    end = StreamEnd(0, BEFORE_THE_FIRST, 0)
    stream_id: str | None = None
    for event in events:
        stream_id = event.stream_id if stream_id is None else stream_id
        if event.stream_id != stream_id:
            return fault_at(event, f"It belongs to the stream {event.stream_id}, among events of {stream_id}.")
        fault = follows(event, end)
        if fault is not None:
            return fault
        end = StreamEnd(event.version, event.hash, event.position)
    return None


def follows(event: RawEvent, end: StreamEnd) -> Fault | None:
    """Return what is wrong with an event as the next one of a stream that ends so far at ``end``."""
    if event.version != end.version + 1:
        problem = f"It is version {event.version} where version {end.version + 1} belongs."
        return fault_at(event, problem, "removed" if event.version > end.version else "inserted")
    if event.position <= end.position:
        return fault_at(event, "Its position is not after that of the version before it.", "reordered")
    if not holds(event, end.hash):
        return fault_at(event, "Its hash does not follow from its content, its place and the event before it.")
    return None


def fault_at(event: RawEvent, problem: str, kind: Kind = "edited") -> Fault:
    """Return the fault that an event is."""
    return Fault(event.position, event.stream_id, event.version, problem, kind)
