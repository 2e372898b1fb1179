"""Reading a workspace's exported history, strictly, from a file that anybody may have changed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.chain import RawEvent
from events.checkpoints import Checkpoint, read_checkpoint
from events.export import FORMAT
from events.head_map import HeadLeaf
from events.merkle import HASH_BYTES
from events.name_ids import KEY_BYTES, is_name_id
from events.name_seals import OpenedName
from events.notes import NoteKey, NoteRefused, open_note, read_base64

MAXIMUM_INTEGER = 2**63 - 1


class ExportRefused(ValueError):
    """The file is no export, or what it is signed with does not hold. The text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of an export, with the proof that the log contains it."""

    event: RawEvent
    proof: list[bytes]


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
    entries: Sequence[Entry]
    names: Mapping[str, OpenedName] = field(default_factory=dict)


def read_export(raw: bytes | str, keys: Iterable[NoteKey] | None = None) -> Export:
    """Read an export and check what its checkpoint is signed with.

    Args:
        raw: the file's content.
        keys: the keys to go by; without them, the one in the file.

    Raises:
        ExportRefused: it is no export, or not signed by one of the keys.
    """
    try:
        document = json.loads(raw, object_pairs_hook=_once, parse_constant=_no_number)
        return _read(_members(document), None if keys is None else list(keys))
    except NoteRefused as refused:
        raise ExportRefused(str(refused)) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, ExportRefused):
            raise
        message = f"This is not a whole file in the format {FORMAT}."
        raise ExportRefused(message) from None


def _read(document: Mapping[str, Any], keys: list[NoteKey] | None) -> Export:
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
        entries=[_entry(stream_id, _members(one)) for one in _list(document["events"])],
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


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        message = "a member is there twice"
        raise ValueError(message)
    return members


def _no_number(text: str) -> None:
    raise ValueError(text)


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
