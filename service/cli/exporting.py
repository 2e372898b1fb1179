"""The verb ``export``: a workspace's history as a file that proves itself, or as plain lines."""

import http.client
import os
import re
import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from events.progress import Progress
from service.cli.client import Refused, open_client, segment
from service.cli.options import Slug
from service.cli.output import hint
from service.cli.progress import Shown, shown_progress

LAST_VERSION = re.compile(rb'^    "version": ([0-9]{1,18}),$')
"""The member of a proof's head: how many events there are to come."""

OPENING = (b"  ", b"]", b"{\n", b"position,")
"""How lines begin that are no event: those around the events of a proof, and the titles of a table."""


class Format(StrEnum):
    """How a history is written."""

    PROOF = "proof"
    NDJSON = "ndjson"
    CSV = "csv"


def export(
    slug: Slug,
    *,
    format_: Annotated[
        Format, typer.Option("--format", help="proof: one file that proves itself; ndjson or csv: one event a line.")
    ] = Format.PROOF,
    since: Annotated[
        Path | None,
        typer.Option(
            "--since",
            help="An earlier export or checkpoint: prove that the whole log only grew since.",
            show_default=False,
        ),
    ] = None,
    names: Annotated[
        bool, typer.Option("--names", help="Put people's names and keys in the file, so that anybody can check them.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here instead of standard output.", show_default=False)
    ] = None,
    progress: Shown = None,
) -> None:
    """Write the whole history. As it comes, the file is checked by anybody with `keyledger verify FILE`.

    People stand in it by ids alone, unless it is made with --names: then nobody can be forgotten from it.
    """
    if names and format_ is not Format.PROOF:
        message = "only the proof format takes names; lines and tables hold ids"
        raise typer.BadParameter(message, param_hint="--names")
    if since is not None and format_ is not Format.PROOF:
        message = "only the proof format proves anything"
        raise typer.BadParameter(message, param_hint="--since")
    lines = _lines(slug, format_, since, names=names)
    try:
        with shown_progress(progress) as bar:
            counted = _counted(lines, bar.stage(f"Exporting {slug}"))
            if output is None:
                for line in counted:
                    sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
                return
            _write(output, counted)
    except (http.client.HTTPException, TimeoutError):
        raise Refused("The answer broke off; what has come is not whole. Try again.", "unreachable") from None
    if format_ is Format.PROOF:
        hint(f"Next: keyledger verify {output}")


def _lines(slug: str, format_: Format, since: Path | None, *, names: bool) -> Iterator[bytes]:
    client, path = open_client(), f"/workspaces/{segment(slug)}"
    if format_ is Format.PROOF:
        from service.cli.proof_files import size_of

        size = None if since is None else size_of(since)
        return client.lines(f"{path}/export", since=size, names="true" if names else None)
    return client.lines(f"{path}/events", "text/csv" if format_ is Format.CSV else "application/x-ndjson")


def _counted(lines: Iterable[bytes], progress: Progress) -> Iterator[bytes]:
    """Yield the lines, and tell of the events among them; of how many, as soon as the opening of a proof says it."""
    events = total = 0
    for line in lines:
        if not total and (found := LAST_VERSION.search(line)):
            total = int(found[1])
        elif not line.startswith(OPENING):
            events += 1
            progress(events, max(total, events) if total else 0)
        yield line


def _write(output: Path, lines: Iterable[bytes]) -> None:
    """Write the file whole or not at all."""
    if not output.name or output.is_dir():
        raise Refused(f"{output} is a directory. Name the file in it.", "data_invalid")
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            for line in lines:
                file.write(line)
        draft.replace(output)
    except OSError as error:
        raise Refused(f"{output} cannot be written ({error.strerror}).", "data_invalid") from None
    finally:
        draft.unlink(missing_ok=True)
