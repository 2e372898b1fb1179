"""What the verb ``person`` does on the database."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from events.catalogue.instants import write_instant
from events.name_ids import is_name_id
from events.names_check import count_named
from service.cli.client import Refused
from service.cli.database import Operator
from service.forgetting import forget_person

FILE_MAXIMUM = 16 * 1024**2


async def list_persons(operator: Operator, text: str | None, *, forgotten: bool) -> list[dict[str, Any]]:
    """Return whom events name, by name: all, those whose name holds a text, or those who were forgotten."""
    kept = [one for one in await operator.names.everybody() if not forgotten or one.shredded_at is not None]
    if text is not None:
        kept = [one for one in kept if one.opened is not None and text.casefold() in one.opened.name.casefold()]
    events = await count_named(operator.pool) if kept else {}
    return [
        {
            "id": one.id,
            "name": one.shown,
            "events": events.get(one.id, 0),
            "created_at": write_instant(one.created_at),
            "shredded_at": None if one.shredded_at is None else write_instant(one.shredded_at),
        }
        for one in sorted(kept, key=lambda one: (one.shown.casefold(), one.id))
    ]


async def forget(operator: Operator, name: str, reason: str) -> dict[str, Any]:
    """Forget a person by name or by the id of the name, and return what became of it."""
    context = await operator.context(reason)
    done = await forget_person(operator.pool, operator.store, operator.names, name, context)
    return dataclasses.asdict(done)


def read_shredded(file: Path) -> Sequence[str]:
    """Return the ids of names that a file lists, one a line; empty lines and those that begin with # do not count.

    Raises:
        Refused: the file cannot be read, or a line is no id.
    """
    try:
        if file.stat().st_size > FILE_MAXIMUM:
            raise Refused(f"{file} is larger than 16 MiB.", "too_large")
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise Refused(f"{file} cannot be read ({error.strerror}).", "data_invalid") from None
    except UnicodeDecodeError:
        raise Refused(f"{file} is no text in UTF-8.", "data_invalid") from None
    for number, line in enumerate(lines, start=1):
        if line and not line.startswith("#") and not is_name_id(line):
            sentence = (
                f"Line {number} of {file} is no id of a name. Make the file by: keyledger person list --forgotten"
            )
            raise Refused(sentence, "data_invalid")
    return [line for line in lines if line and not line.startswith("#")]
