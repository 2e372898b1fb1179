"""Reading a workspace's exported history, strictly, from a file that anybody may have changed.

The file is read twice: once to see that it is whole and in the format, and once more for each check of its events. What
is held is one event at a time, and what does not grow with the events: the members around them, which are as large as
the names of people, if the file gives any, and proofs of the logarithm of the log.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from events.chain import RawEvent
from events.checkpoints import Checkpoint, read_checkpoint
from events.export import FORMAT
from events.export_walk import Item, walk
from events.head_map import HeadLeaf
from events.merkle import HASH_BYTES
from events.name_ids import KEY_BYTES, is_name_id
from events.name_seals import OpenedName
from events.notes import NoteKey, NoteRefused, open_note, read_base64

MAXIMUM_INTEGER = 2**63 - 1
_EVENTS: Final = "events"


class ExportRefused(ValueError):
    """The file is no export, or what it is signed with does not hold. The text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of an export, with the proof that the log contains it."""

    event: RawEvent
    proof: list[bytes]


@dataclass(frozen=True, slots=True)
class Entries:
    """The events of an export, read anew from the text each time they are gone through; only one may do so at a time.

    ``count`` is how many there are, ``end`` the last one's position, 0 where there is none.

    Raises:
        ExportRefused: while they are gone through: the text is another one by now.
    """

    text: TextIO
    stream_id: str
    count: int
    end: int

    def __len__(self) -> int:
        """Return how many events there are."""
        return self.count

    def __iter__(self) -> Iterator[Entry]:
        """Yield the events in the order of the text."""
        self.text.seek(0)
        done = 0
        try:
            for part in walk(self.text, _EVENTS):
                if isinstance(part, Item):
                    yield _entry(self.stream_id, _members(part.value))
                    done += 1
                if done == self.count:
                    return
        except _UNREADABLE:
            pass
        message = "The file was changed while it was read. Check it again."
        raise ExportRefused(message)


@dataclass(frozen=True, slots=True)
class Grown:
    """The proof that the log only grew since it had ``size`` events."""

    size: int
    proof: list[bytes]


@dataclass(frozen=True, slots=True)
class Export:
    """An export as it was read. Its checkpoint is signed by ``key``, and the rest is not checked yet.

    ``names`` are those that the file gives for the ids of people.
    """

    stream_id: str
    key: NoteKey
    note: str
    checkpoint: Checkpoint
    head: HeadLeaf
    head_proof: list[bytes]
    since: Grown | None
    entries: Entries
    names: Mapping[str, OpenedName] = field(default_factory=dict)


def read_export(text: str | TextIO, keys: Iterable[NoteKey] | None = None) -> Export:
    """Read an export and check what its checkpoint is signed with.

    Args:
        text: the file's content, or the file itself, opened as text, with a beginning to go back to; it is to stay
            open as long as the export is used.
        keys: the keys to go by; without them, the one in the file.

    Raises:
        ExportRefused: it is no export, or not signed by one of the keys.
        UnicodeDecodeError: the file is no text in its encoding.
    """
    source = io.StringIO(text) if isinstance(text, str) else text
    try:
        return _read(_Outline.of(source), source, None if keys is None else list(keys))
    except (ExportRefused, UnicodeDecodeError):
        raise
    except NoteRefused as refused:
        raise ExportRefused(str(refused)) from None
    except _UNREADABLE:
        # What is no text at all is told as that, wherever it shows.
        while source.read(_PIECE):
            pass
        message = f"This is not a whole file in the format {FORMAT}."
        raise ExportRefused(message) from None


_UNREADABLE: Final = (ValueError, KeyError, TypeError, RecursionError)
_PIECE: Final = 1 << 20


@dataclass(slots=True)
class _Outline:
    """What a file has beside its events, and of these how many they are. It is one whole JSON object."""

    members: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    end: int = 0
    well_formed: bool = True

    @staticmethod
    def of(text: TextIO) -> "_Outline":
        text.seek(0)
        outline = _Outline()
        for part in walk(text, _EVENTS):
            if isinstance(part, Item):
                outline.take(part.value)
            else:
                outline.members[part.name] = part.value
        return outline

    def take(self, value: object) -> None:
        self.count += 1
        try:
            self.end = _entry("", _members(value)).event.position
        except _UNREADABLE:
            self.well_formed = False

    def entries(self, text: TextIO, stream_id: str) -> Entries:
        """Return the events, which are a list of events, each with all that it has to have."""
        if not self.well_formed or (self.count == 0 and self.members[_EVENTS] != []):
            raise ValueError
        return Entries(text, stream_id, self.count, self.end)


def _read(outline: _Outline, text: TextIO, keys: list[NoteKey] | None) -> Export:
    document = outline.members
    if document["format"] != FORMAT:
        message = f"The file is not in the format {FORMAT}."
        raise ExportRefused(message)
    key, stream_id, note = (
        NoteKey.parse(_text(document["key"])),
        _text(document["stream"]),
        _text(document["checkpoint"]),
    )
    _, signed = open_note(note, [key] if keys is None else keys)
    checkpoint = read_checkpoint(note)
    if checkpoint.origin != signed[0].name:
        message = f"The checkpoint is of the log {checkpoint.origin}, and its key is another log's."
        raise ExportRefused(message)
    head, since = _members(document["head"]), document["since"]
    return Export(
        stream_id=stream_id,
        key=signed[0],
        note=note,
        checkpoint=checkpoint,
        head=HeadLeaf(stream_id, _number(head["version"]), _hash(head["hash"])),
        head_proof=_proof(head["proof"]),
        since=None if since is None else Grown(_number(_members(since)["size"]), _proof(since["proof"])),
        entries=outline.entries(text, stream_id),
        names={_id(id_): _name(_members(one)) for id_, one in _members(document.get("names", {})).items()},
    )


def _entry(stream_id: str, entry: Mapping[str, Any]) -> Entry:
    event = RawEvent(
        position=_number(entry["position"]),
        stream_id=stream_id,
        version=_number(entry["version"]),
        leaf_index=_number(entry["leaf_index"]),
        recorded_us=_number(entry["recorded_us"]),
        canonical=_text(entry["canonical"]).encode(),
        hash=_hash(entry["hash"]),
    )
    return Entry(event, _proof(entry["proof"]))


def _id(text: str) -> str:
    if not is_name_id(text):
        raise ValueError
    return text


def _name(one: Mapping[str, Any]) -> OpenedName:
    key = read_base64(_text(one["key"]))
    if len(key) != KEY_BYTES:
        raise ValueError
    return OpenedName(_text(one["name"]), key)


def _members(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAXIMUM_INTEGER:
        raise ValueError
    return value


def _hash(value: object) -> bytes:
    text = _text(value)
    raw = bytes.fromhex(text)
    if raw.hex() != text or len(raw) != HASH_BYTES:
        raise ValueError
    return raw


def _proof(value: object) -> list[bytes]:
    parts = [read_base64(_text(part)) for part in _list(value)]
    if any(len(part) != HASH_BYTES for part in parts):
        raise ValueError
    return parts
