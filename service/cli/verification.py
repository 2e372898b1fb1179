"""What the verbs of proof do on the database."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from events.anchors import Anchor
from events.checkpoints import read_checkpoint
from events.exported import ExportRefused
from events.intake import LogDoesNotHold
from events.names_check import check_names
from events.notes import NoteKey, NoteRefused, open_note
from events.signed import Signed, latest_checkpoint
from events.signing import read_ends, read_keys
from events.verify import Verified, verify_log
from events.verify_stream import verify_stream_in
from projections.check import Checked, check_read_models
from service.checkpoints import open_notary, published_to
from service.cli.client import Refused
from service.cli.database import Operator
from service.cli.progress import Bar
from service.cli.proof_files import read_earlier, told_fault
from service.publication import publish
from service.standing import find_standing

CHECKPOINT_SUFFIX = ".checkpoint"


async def verify(
    operator: Operator, slug: str | None, since: Path | None, keys: Sequence[NoteKey], bar: Bar
) -> dict[str, Any]:
    """Check the log, or one workspace of it, and the read models; return what holds and the first that does not."""
    known = list(keys) or [one.key for one in await read_keys(operator.pool)]
    if keys:
        await _see_who_signs(operator, keys)
    if slug is None:
        anchors = [] if since is None else _anchors(since, known, await read_ends(operator.pool))
        found = await verify_log(operator.store, anchors, bar.stage("Checking the log"))
    else:
        found = await verify_stream_in(operator.store, slug)
        if found.events == 0 and found.fault is None:
            raise Refused(f"There is no workspace {slug}.", "workspace_unknown")
    # Where the log itself does not hold, rows prove nothing against it.
    rows = Checked(0, 0, 0, ()) if found.fault else await _compared(operator, slug, bar)
    return _told(found, rows)


async def _compared(operator: Operator, slug: str | None, bar: Bar) -> Checked:
    return await check_read_models(operator.store, slug, bar.stage("Comparing the read models", "comparisons"))


async def _see_who_signs(operator: Operator, keys: Sequence[NoteKey]) -> None:
    """Refuse a log whose latest checkpoint is signed by another key than those to go by, whatever it says of itself.

    Raises:
        Refused: it is, or there is none yet.
    """
    latest = await latest_checkpoint(operator.pool)
    if latest is None:
        raise Refused(
            "No checkpoint was made yet, so no key has signed this log: run keyledger checkpoint.", "not_found"
        )
    try:
        open_note(latest.note, keys)
    except NoteRefused as refused:
        raise Refused(f"The latest checkpoint beside the log: {refused}", "data_invalid") from None


def _told(found: Verified, rows: Checked) -> dict[str, Any]:
    return {
        "holds": found.fault is None and found.damage is None and not rows.differences,
        "events": found.events,
        "streams": found.streams,
        "checkpoints": found.checkpoints,
        "covered": found.covered,
        **({} if found.fault is None else told_fault(found.fault)),
        "missing": None if found.missing is None else asdict(found.missing),
        "damage": found.damage,
        "differences": [asdict(one) for one in rows.differences],
    }


async def check(operator: Operator, slug: str | None, bar: Bar) -> dict[str, Any]:
    """Compare live read models with the replayed events, row by row, and tables with what the log says is gone."""
    found = await _compared(operator, slug, bar)
    if slug is not None and not await operator.pool.fetchval(
        "select exists (select from ledger.streams where stream_id = $1 and stream_id <> '$system')", slug
    ):
        raise Refused(f"There is no workspace {slug}.", "workspace_unknown")
    return {
        "workspaces": found.workspaces,
        "entries": found.entries,
        "outdated": found.outdated,
        "differences": [asdict(one) for one in found.differences],
        "names": [] if slug else [asdict(one) for one in await check_names(operator.pool, operator.names)],
        "standing": [asdict(one) for one in await find_standing(operator.pool, slug)],
    }


async def make_checkpoint(operator: Operator) -> dict[str, Any]:
    """Make a checkpoint of the whole log now, publish it, and return it."""
    notary = open_notary(operator.settings, operator.store, operator.keyring)
    try:
        signed = await notary.make()
    except LogDoesNotHold as refused:
        raise Refused(str(refused), "log_broken") from None
    await _publish(operator)
    return await _shown(operator, signed)


async def rotate_signing_key(operator: Operator, reason: str | None) -> dict[str, Any]:
    """Make a new signing key, and the checkpoint that introduces it."""
    notary = open_notary(operator.settings, operator.store, operator.keyring)
    try:
        _, signed = await notary.rotate(await operator.context(reason))
    except LogDoesNotHold as refused:
        raise Refused(str(refused), "log_broken") from None
    await _publish(operator)
    return await _shown(operator, signed)


async def _publish(operator: Operator) -> None:
    try:
        await publish(operator.pool, published_to(operator.settings))
    except OSError as error:
        raise Refused(f"The checkpoint was made, and could not be published: {error}", "not_published") from None


async def _shown(operator: Operator, signed: Signed) -> dict[str, Any]:
    keys = {one.key_id: str(one.key) for one in await read_keys(operator.pool)}
    return {"size": signed.checkpoint.size, "note": signed.note, "key": keys[signed.key_id]}


def _anchors(place: Path, keys: Sequence[NoteKey], ends: Mapping[NoteKey, int]) -> list[Anchor]:
    files = sorted(place.glob(f"*{CHECKPOINT_SUFFIX}")) if place.is_dir() else [place]
    if not files:
        raise Refused(f"There is no *{CHECKPOINT_SUFFIX} file in {place}.", "data_invalid")
    found = []
    for file in files:
        try:
            with ExitStack() as opened:
                earlier = read_earlier(file, keys, opened)
                _refuse_retired(earlier.note, keys, ends)
        except (ExportRefused, NoteRefused) as refused:
            raise Refused(f"{file}: {refused}", "data_invalid") from None
        found.append(Anchor(earlier.checkpoint, outside=True, kept_in=str(file)))
    return found


def _refuse_retired(note: str, keys: Sequence[NoteKey], ends: Mapping[NoteKey, int]) -> None:
    """Refuse what only retired keys signed, of a log larger than it was when they were retired.

    Raises:
        NoteRefused: it is signed so, by whoever has got hold of such a key.
    """
    size, signed = read_checkpoint(note).size, open_note(note, keys)[1]
    if all(size > ends.get(key, size) for key in signed):
        message = (
            f"This checkpoint of {size} events is signed by {signed[0].name}+{signed[0].id.hex()} alone, a key that "
            f"was retired at {ends[signed[0]]} events: it is not this log's. Somebody may have got hold of that key."
        )
        raise NoteRefused(message)
