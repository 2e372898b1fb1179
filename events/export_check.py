"""Checking a workspace's exported history, by itself and beside an earlier one. ``FORMAT.md`` has the rules."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from types import MappingProxyType

from events.chain import BEFORE_THE_FIRST, Fault, Kind, RawEvent, holds
from events.checkpoints import Checkpoint
from events.exported import Entries, Entry, Export, ExportRefused, Grown
from events.head_map import in_map
from events.merkle import consistent, included
from events.name_ids import ids_in, stands_for

_DIFFERENCES: Mapping[tuple[bool, bool], tuple[str, Kind]] = MappingProxyType(
    {
        (False, False): ("It says something else now.", "edited"),
        (False, True): ("It is not there any more.", "removed"),
        (True, False): ("Another one stands in front of it now.", "inserted"),
        (True, True): ("It stands in another place now.", "reordered"),
    }
)
"""By whether the old event is still somewhere, and whether the one in its place was there before."""


def verify_export(export: Export) -> Fault | None:
    """Check an export by itself; return the first position that does not hold.

    Its events are gone through once, and once more where a name does not hold; one is held at a time.
    """
    head, checkpoint = export.head, export.checkpoint
    if head.version < 1 or not in_map(head, export.head_proof, checkpoint.heads_root):
        problem = f"The checkpoint does not say that the history ends with version {head.version}."
        return Fault(0, export.stream_id, head.version, problem, "forked")
    last = RawEvent(-1, export.stream_id, 0, -1, -1, b"", BEFORE_THE_FIRST)
    behind: RawEvent | None = None
    for entry in export.entries:
        fault = _follows(entry, last, checkpoint)
        if fault is not None:
            return fault
        last = entry.event
        if behind is None and last.version > head.version:
            behind = last
    if last.version < head.version:
        problem = f"The history ends with version {last.version}, and had {head.version}: its end was cut off."
        return Fault(last.position + 1, export.stream_id, last.version + 1, problem, "truncated")
    if behind is not None:
        problem = f"The history ended with version {head.version}: something was put behind it."
        return Fault(behind.position, export.stream_id, behind.version, problem, "inserted")
    if last.hash != head.head:
        problem = "The history ended with another event."
        return Fault(last.position, export.stream_id, last.version, problem, "forked")
    return _misnamed(export)


def _misnamed(export: Export) -> Fault | None:
    """Return the first event for whose id of a name the file gives another name."""
    untrue = {id_ for id_, one in export.names.items() if not stands_for(id_, one.key, one.name)}
    if not untrue:
        return None
    for event in (entry.event for entry in export.entries):
        for id_ in sorted(untrue & ids_in(event.canonical.decode())):
            problem = f"The file gives another name for {id_} than the one that this event was recorded with."
            return Fault(event.position, event.stream_id, event.version, problem, "edited")
    problem = f"The file gives a name for {min(untrue)} that this id does not stand for."
    return Fault(0, export.stream_id, 0, problem, "edited")


def _follows(entry: Entry, last: RawEvent, checkpoint: Checkpoint) -> Fault | None:
    event = entry.event

    def fault(problem: str, kind: Kind) -> Fault:
        return Fault(event.position, event.stream_id, event.version, problem, kind)

    if event.version > last.version + 1:
        return fault(f"Events are missing in front of this one, from version {last.version + 1} on.", "removed")
    if event.version <= last.version:
        return fault(f"It is version {event.version} behind version {last.version}.", "reordered")
    if event.position <= last.position or event.leaf_index <= last.leaf_index or event.recorded_us <= last.recorded_us:
        return fault("It is not behind the event before it in the log.", "reordered")
    if not holds(event, last.hash):
        return fault("Its hash does not follow from its content, its place and the event before it.", "edited")
    if not included(event.hash, event.leaf_index, checkpoint.size, entry.proof, checkpoint.root):
        return fault("The checkpoint does not cover it: the log that was signed has another event here.", "forked")
    return None


def verify_since(export: Export, earlier: Export | Checkpoint) -> Fault | None:
    """Check that an export goes on where an earlier one, or a checkpoint, ended; return the first difference.

    Both have been checked by themselves. That the whole log only grew shows only from an export that was made for the
    earlier size (``since``); the workspace's own events are compared in any case. Where they differ, or do not stand in
    order, some hundred bytes of each are held to tell how; otherwise one of each file.
    """
    before = earlier.checkpoint if isinstance(earlier, Export) else earlier
    fault = None if isinstance(earlier, Checkpoint) else _compare(export, earlier)
    if fault is not None:
        return fault
    end = export.entries.end
    if export.checkpoint.size < before.size:
        problem = (
            f"The log has {export.checkpoint.size} events and had {before.size} at {before.made_at}: an older backup "
            "was put in its place, or its end was cut off."
        )
        return Fault(export.checkpoint.position + 1, "", 0, problem, "restored")
    since = export.since
    if export.checkpoint.size == before.size:
        since = Grown(before.size, [])
    if since is None or since.size != before.size:
        return None
    if not consistent(before.size, export.checkpoint.size, since.proof, before.root, export.checkpoint.root):
        problem = f"The log does not go on from what it was at {before.made_at}: another history is in its place."
        return Fault(min(before.position, end), "", 0, problem, "forked")
    return None


def first_fault(alone: Fault | None, beside: Fault | None) -> Fault | None:
    """Return what an export's check by itself and the one beside an earlier export come to together.

    Where both stumble over the same version, the earlier export tells what was done to it, and the newer one, where
    something was put in.
    """
    if alone is None or beside is None:
        return alone or beside
    if alone.kind == "truncated":
        return beside
    if alone.version == beside.version:
        return beside._replace(position=alone.position) if beside.kind == "inserted" else beside
    return min(alone, beside, key=lambda fault: fault.position)


def covers_growth(export: Export, before: Checkpoint) -> bool:
    """Tell whether the export has what shows that the whole log only grew since a checkpoint."""
    return export.checkpoint.size == before.size or (export.since is not None and export.since.size == before.size)


def _compare(export: Export, earlier: Export) -> Fault | None:
    if export.stream_id != earlier.stream_id:
        message = f"The earlier file is of the workspace {earlier.stream_id}, this one of {export.stream_id}."
        raise ExportRefused(message)
    if _goes_on(export.entries, earlier.entries):
        return None
    now = {event.version: event for event in _brief(export.entries)}
    contents = {event.canonical for event in now.values()}
    contents_before = {event.canonical for event in _brief(earlier.entries)}
    for old in _brief(earlier.entries):
        new = now.get(old.version)
        if new == old:
            continue
        if new is None:
            cut = old.version > max(now, default=0)
            return _differs(old, "It is not there any more.", "truncated" if cut else "removed")
        if new.canonical == old.canonical:
            return _differs(old, *_moved(old, new))
        stays, known = old.canonical in contents, new.canonical in contents_before
        problem, kind = _DIFFERENCES[stays, known]
        return _differs(old, problem, kind)
    return None


def _goes_on(now: Entries, before: Entries) -> bool:
    """Tell whether the events begin with all of those before, in order, and each version is there once."""
    old, last = iter(before), 0
    for entry in now:
        if entry.event.version <= last:
            return False
        last = entry.event.version
        known = next(old, None)
        if known is not None and known.event != entry.event:
            return False
    return next(old, None) is None


def _brief(entries: Entries) -> Iterable[RawEvent]:
    """Yield the events, each with the digest of its content in the place of the content, which may be long."""
    for event in (entry.event for entry in entries):
        yield event._replace(canonical=sha256(event.canonical).digest())


def _moved(old: RawEvent, new: RawEvent) -> tuple[str, Kind]:
    if (new.position, new.leaf_index) != (old.position, old.leaf_index):
        return f"It stands at position {new.position} now.", "reordered"
    if new.recorded_us != old.recorded_us:
        return "It is said to have been recorded at another time now.", "edited"
    return "Its hash is another one now: what is in front of it was written anew.", "forked"


def _differs(old: RawEvent, problem: str, kind: Kind) -> Fault:
    return Fault(old.position, old.stream_id, old.version, f"In the earlier file an event stands here. {problem}", kind)
