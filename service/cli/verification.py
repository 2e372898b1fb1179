"""What the verbs of proof do: on the database for the operator, and on files alone for whoever holds one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from events.anchors import Anchor
from events.chain import Fault
from events.checkpoints import Checkpoint, read_checkpoint
from events.export import FORMAT
from events.export_check import covers_growth, first_fault, verify_export, verify_since
from events.exported import Export, ExportRefused, read_export
from events.names_check import check_names
from events.notary import LogDoesNotHold
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
from service.publication import publish
from service.standing import find_standing

FILE_MAXIMUM = 1024**3
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


def told_fault(fault: Fault) -> dict[str, Any]:
    """Return a fault for ``--json``."""
    return fault._asdict()


async def check(operator: Operator, slug: str | None, bar: Bar) -> dict[str, Any]:
    """Compare live read models with the replayed events, row by row, and tables with what the log says is gone."""
    found = await _compared(operator, slug, bar)
    if slug is not None and not await operator.pool.fetchval(
        "select exists (select from ledger.streams where stream_id = $1)", slug
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


def verify_file(file: Path, since: Path | None, keys: Sequence[NoteKey]) -> dict[str, Any]:
    """Check an exported history, with nothing but the file, and an earlier one beside it.

    Raises:
        Refused: a file cannot be read, or is not signed by the key to go by.
    """
    try:
        export = read_export(_read(file), keys or None)
        alone, grown, beside = verify_export(export), None, None
        if since is not None:
            earlier = _earlier(since, keys or [export.key])
            checkpoint = earlier.checkpoint if isinstance(earlier, Export) else earlier
            beside = verify_since(export, earlier)
            grown = covers_growth(export, checkpoint)
    except (ExportRefused, NoteRefused) as refused:
        raise Refused(f"{file}: {refused}", "data_invalid") from None
    fault = first_fault(alone, beside)
    return {
        "holds": fault is None,
        "stream": export.stream_id,
        "events": len(export.entries),
        "size": export.checkpoint.size,
        "made_at": export.checkpoint.made_at,
        "key": str(export.key),
        "grown": grown,
        "names": {id_: one.name for id_, one in export.names.items()} if fault is None else {},
        **({} if fault is None else told_fault(fault)),
    }


def size_of(file: Path) -> int:
    """Return how many events the checkpoint in a file covers: an earlier export's, or a checkpoint's own."""
    text = _read(file)
    try:
        if text.lstrip().startswith("{"):
            return read_export(text).checkpoint.size
        return read_checkpoint(text).size
    except (ExportRefused, NoteRefused) as refused:
        raise Refused(f"{file}: {refused}", "data_invalid") from None


def read_key(text: str) -> NoteKey:
    """Return the public key that an option holds, or names a file of.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        return NoteKey.parse(text if "+" in text else _read(Path(text)))
    except NoteRefused as refused:
        raise typer.BadParameter(str(refused)) from None


def _earlier(file: Path, keys: Sequence[NoteKey]) -> Export | Checkpoint:
    text = _read(file)
    if text.lstrip().startswith("{"):
        export = read_export(text, keys)
        fault = verify_export(export)
        if fault is not None:
            message = f"The earlier file {file} does not hold itself, at position {fault.position}: {fault.problem}"
            raise ExportRefused(message)
        return export
    open_note(text, keys)
    return read_checkpoint(text)


def _anchors(place: Path, keys: Sequence[NoteKey], ends: Mapping[NoteKey, int]) -> list[Anchor]:
    files = sorted(place.glob(f"*{CHECKPOINT_SUFFIX}")) if place.is_dir() else [place]
    if not files:
        raise Refused(f"There is no *{CHECKPOINT_SUFFIX} file in {place}.", "data_invalid")
    found = []
    for file in files:
        try:
            earlier = _earlier(file, keys)
            _refuse_retired(earlier.note if isinstance(earlier, Export) else _read(file), keys, ends)
        except (ExportRefused, NoteRefused) as refused:
            raise Refused(f"{file}: {refused}", "data_invalid") from None
        checkpoint = earlier.checkpoint if isinstance(earlier, Export) else earlier
        found.append(Anchor(checkpoint, outside=True, kept_in=str(file)))
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


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > FILE_MAXIMUM:
            raise Refused(f"{file} is larger than 1 GiB.", "too_large")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused(f"{file} cannot be read ({error.strerror}).", "data_invalid") from None
    except UnicodeDecodeError:
        raise Refused(f"{file} is no text in UTF-8, so neither a checkpoint nor in {FORMAT}.", "data_invalid") from None
