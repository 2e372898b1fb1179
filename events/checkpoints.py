"""A checkpoint: the whole log in one signed note (C2SP tlog-checkpoint), which also says where every stream ends."""

import base64
import re
from dataclasses import dataclass
from typing import Self

from events.catalogue.instants import read_instant, write_instant
from events.merkle import HASH_BYTES
from events.notes import NoteRefused, is_name, read_base64, split_note

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_EXTENSIONS = ("position", "streams", "heads", "time")
_LINES = 3 + len(_EXTENSIONS)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log at one moment.

    ``root`` is that of the Merkle tree over the first ``size`` events, of which the last has ``position``;
    ``heads_root`` that of the map of all ``streams`` to their last version and its hash. ``made_at`` is the signer's
    clock, to the microsecond.
    """

    origin: str
    size: int
    root: bytes
    position: int
    streams: int
    heads_root: bytes
    made_at: str

    @property
    def text(self) -> str:
        """The text that is signed: origin, size and root, then one line for each thing that this log adds."""
        lines = (
            self.origin,
            str(self.size),
            base64.b64encode(self.root).decode(),
            f"position {self.position}",
            f"streams {self.streams}",
            f"heads {base64.b64encode(self.heads_root).decode()}",
            f"time {self.made_at}",
        )
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a note's text.

        Raises:
            NoteRefused: it is not a checkpoint of a log like this one.
        """
        lines = text.split("\n")
        if len(lines) != _LINES + 1 or lines.pop() != "" or not is_name(lines[0]):
            raise _malformed()
        extensions = {name: value for name, _, value in (line.partition(" ") for line in lines[3:])}
        if tuple(extensions) != _EXTENSIONS:
            raise _malformed()
        try:
            made_at = write_instant(read_instant(extensions["time"]))
        except ValueError:
            raise _malformed() from None
        checkpoint = cls(
            origin=lines[0],
            size=_number(lines[1]),
            root=_hash(lines[2]),
            position=_number(extensions["position"]),
            streams=_number(extensions["streams"]),
            heads_root=_hash(extensions["heads"]),
            made_at=made_at,
        )
        if checkpoint.text != text:
            raise _malformed()
        return checkpoint


def read_checkpoint(note: str) -> Checkpoint:
    """Return what a note says, without a look at its signatures.

    Raises:
        NoteRefused: it is not a checkpoint.
    """
    return Checkpoint.parse(split_note(note)[0])


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise _malformed()
    return int(text)


def _hash(text: str) -> bytes:
    try:
        raw = read_base64(text)
    except ValueError:
        raw = b""
    if len(raw) != HASH_BYTES:
        raise _malformed()
    return raw


def _malformed() -> NoteRefused:
    return NoteRefused("This is not a checkpoint of a Keyledger log.")
