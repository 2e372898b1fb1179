"""Files that hold proof, on a machine with nothing else: exported histories, checkpoints, public keys."""

import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TextIO

import typer

from events.chain import Fault
from events.checkpoints import Checkpoint, read_checkpoint
from events.export import FORMAT
from events.export_check import covers_growth, first_fault, verify_export, verify_since
from events.exported import Export, ExportRefused, read_export
from events.notes import NoteKey, NoteRefused, open_note
from service.cli.client import Refused

EXPORT_MAXIMUM = 64 * 1024**3
NOTE_MAXIMUM = 1024**2
"""Bytes of a checkpoint or a key."""

SPOOLED = 16 * 1024**2


def verify_file(file: Path, since: Path | None, keys: Sequence[NoteKey]) -> dict[str, Any]:
    """Check an exported history, with nothing but the file, and an earlier one beside it.

    Raises:
        Refused: a file cannot be read, or is not signed by the key to go by.
    """
    with ExitStack() as files:
        try:
            export = read_export(files.enter_context(_opened(file)), keys or None)
            alone, grown, beside = verify_export(export), None, None
            if since is not None:
                earlier = read_earlier(since, keys or [export.key], files)
                beside = verify_since(export, earlier.export or earlier.checkpoint)
                grown = covers_growth(export, earlier.checkpoint)
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
    try:
        with _opened(file) as text:
            return (read_export(text).checkpoint if _is_export(text) else read_checkpoint(_note(file, text))).size
    except (ExportRefused, NoteRefused) as refused:
        raise Refused(f"{file}: {refused}", "data_invalid") from None


def read_key(text: str) -> NoteKey:
    """Return the public key that an option holds, or names a file of.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        if "+" in text:
            return NoteKey.parse(text)
        with _opened(Path(text)) as file:
            return NoteKey.parse(_note(Path(text), file))
    except NoteRefused as refused:
        raise typer.BadParameter(str(refused)) from None


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was kept of the log: a checkpoint, its note, and the export that it is of, if it is."""

    checkpoint: Checkpoint
    note: str
    export: Export | None = None


def read_earlier(file: Path, keys: Sequence[NoteKey], files: ExitStack) -> Earlier:
    """Return what a file holds, once it was found to hold in itself; an export is read as long as ``files`` is open.

    Raises:
        ExportRefused, NoteRefused: it does not hold, or is not signed by one of the keys.
        Refused: it cannot be read.
    """
    text = files.enter_context(_opened(file))
    if not _is_export(text):
        note = _note(file, text)
        open_note(note, keys)
        return Earlier(read_checkpoint(note), note)
    export = read_export(text, keys)
    fault = verify_export(export)
    if fault is not None:
        message = f"The earlier file {file} does not hold itself, at position {fault.position}: {fault.problem}"
        raise ExportRefused(message)
    return Earlier(export.checkpoint, export.note, export)


def told_fault(fault: Fault) -> dict[str, Any]:
    """Return a fault for ``--json``."""
    return fault._asdict()


def _is_export(text: TextIO) -> bool:
    """Tell an export, which is an object of JSON, from a checkpoint by how it begins."""
    text.seek(0)
    while (piece := text.read(4096)) and not piece.strip():
        pass
    text.seek(0)
    return piece.lstrip().startswith("{")


def _note(file: Path, text: TextIO) -> str:
    """Return what a file of a checkpoint or a key holds."""
    found = text.read(NOTE_MAXIMUM + 1)
    if len(found) > NOTE_MAXIMUM:
        raise Refused(f"{file} is larger than 1 MiB, so neither a checkpoint nor a key.", "too_large")
    return found


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    """Lend a file as text that can be gone back in; what can be read once only, such as a pipe, is copied to a file."""
    try:
        with ExitStack() as opened:
            source: IO[bytes] = opened.enter_context(file.open("rb"))
            if not source.seekable():
                source = opened.enter_context(_copied(source))
            elif file.stat().st_size > EXPORT_MAXIMUM:
                raise Refused(f"{file} is larger than 64 GiB.", "too_large")
            yield opened.enter_context(io.TextIOWrapper(source, encoding="utf-8"))
    except OSError as error:
        raise Refused(f"{file} cannot be read ({error.strerror}).", "data_invalid") from None
    except UnicodeDecodeError:
        raise Refused(f"{file} is no text in UTF-8, so neither a checkpoint nor in {FORMAT}.", "data_invalid") from None


@contextmanager
def _copied(source: IO[bytes]) -> Iterator[IO[bytes]]:
    with tempfile.SpooledTemporaryFile(SPOOLED) as copy:
        while piece := source.read(1 << 20):
            copy.write(piece)
            if copy.tell() > EXPORT_MAXIMUM:
                raise Refused("What comes in is larger than 64 GiB.", "too_large")
        copy.seek(0)
        yield copy
