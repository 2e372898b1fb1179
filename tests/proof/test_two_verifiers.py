"""Two programs that know only the format's description in common agree on what holds, and on where it does not.

``PROOF_HISTORIES=10000`` makes it the long run; by default it is a few hundred.
"""

import json
import os
from typing import Any

import pytest
from support import stranger
from support.histories import SIGNER, STRANGER, History, harmed

from events.chain import Fault
from events.export_check import covers_growth, verify_export, verify_since
from events.exported import ExportRefused, read_export

HISTORIES = int(os.environ.get("PROOF_HISTORIES", "200"))
HARMS_EACH = 4


def ours(document: dict[str, Any]) -> Fault | str | None:
    """Return what this program finds: nothing, a fault, or the sentence of a refusal."""
    try:
        return verify_export(read_export(json.dumps(document)))
    except ExportRefused as refused:
        return str(refused)


def theirs(document: dict[str, Any]) -> tuple[bool, int | None]:
    """Return whether the stranger's program takes the file, and the position at which it stumbles."""
    try:
        stranger.check(json.dumps(document))
    except stranger.Wrong as wrong:
        return False, wrong.position
    return True, None


def test_both_take_what_is_whole_and_refuse_the_same_harm_at_the_same_event() -> None:
    refused = 0
    for seed in range(HISTORIES):
        history = History(seed)
        export = history.export()
        assert (ours(export), theirs(export)) == (None, (True, None)), seed
        for _ in range(HARMS_EACH):
            changed = harmed(export, history.choose)
            found, (taken, position) = ours(changed), theirs(changed)
            assert (found is None) == taken, (seed, found, position)
            if position is not None:
                assert isinstance(found, Fault), (seed, found)
                assert found.position == position, (seed, found)
            # What changed nothing by luck is taken; all else is refused.
            assert taken == (json.dumps(changed) == json.dumps(export)), (seed, found)
            refused += not taken
    assert refused > HISTORIES * HARMS_EACH * 0.8


def test_a_later_export_contains_the_earlier_and_shows_that_the_log_only_grew() -> None:
    for seed in range(40):
        history = History(seed)
        earlier = read_export(json.dumps(history.export()))
        for _ in range(history.choose.randrange(9)):
            history.append(history.choose.choice(("acme", "other")))
        later = read_export(json.dumps(history.export(since=earlier.checkpoint.size)))
        assert covers_growth(later, earlier.checkpoint)
        assert verify_export(later) is None
        assert verify_since(later, earlier) is None
        assert verify_since(later, earlier.checkpoint) is None


def test_a_history_that_was_written_anew_contradicts_an_earlier_export() -> None:
    """Another log with the same key, whole in itself: the first event that differs is named, and how it does."""
    history, other = History(3), History(3)
    for stream_id in ("acme", "acme", "acme"):
        history.append(stream_id)
    earlier = read_export(json.dumps(history.export()))
    shared = len(other.events)
    for stream_id in ("w9", "acme", "acme", "acme", "acme"):
        other.append(stream_id)
    later = read_export(json.dumps(other.export(since=earlier.checkpoint.size)))
    assert verify_export(later) is None
    fault = verify_since(later, earlier)
    assert fault is not None
    assert fault.position == history.events[shared].position
    against_the_note = verify_since(later, earlier.checkpoint)
    assert against_the_note is not None
    assert against_the_note.kind == "forked"


def test_an_older_log_is_told_from_a_checkpoint_of_more_events() -> None:
    history = History(5)
    older = read_export(json.dumps(history.export()))
    history.append("acme")
    newer = read_export(json.dumps(history.export()))
    fault = verify_since(older, newer.checkpoint)
    assert fault is not None
    assert fault.kind == "restored"
    assert fault.position == older.checkpoint.position + 1


def test_a_file_is_held_against_the_key_that_its_holder_knows() -> None:
    """The key in the file convinces nobody who was given another one."""
    raw = json.dumps(History(1).export())
    assert verify_export(read_export(raw, [SIGNER.key])) is None
    with pytest.raises(ExportRefused, match="not a key to go by"):
        read_export(raw, [STRANGER.key])
