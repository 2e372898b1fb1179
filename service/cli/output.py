"""What the commands print: data on standard output, aligned for people or as JSON; talk on standard error."""

import json
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import typer

from service.cli.client import Refused

GAP = "  "
INDENT = " " * 4
NOTHING = "-"
SHORTEST_LINE = 20

WHERE_TO_LOOK: Mapping[str, str] = {
    "workspace_unknown": "keyledger workspace list",
    "member_unknown": "keyledger member list SLUG; whoever is only invited: keyledger invitation list SLUG",
    "invitation_unknown": "keyledger invitation list SLUG",
}


def say_json(value: object) -> None:
    """Print ``value`` as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def say(line: str = "") -> None:
    """Print one line of the answer."""
    print(printable(line))


def hint(text: str) -> None:
    """Print on standard error what could be done next."""
    typer.secho(printable(text), err=True, dim=True)


def complain(refused: Refused) -> None:
    """Print a refusal: its sentence, each place on its own line, and the stable code."""
    typer.secho(f"{printable(refused.sentence)} [{refused.code}]", err=True, fg=typer.colors.RED)
    for place in refused.places:
        typer.secho(printable(f"  - {place}"), err=True)
    if refused.code in WHERE_TO_LOOK and not refused.sentence.endswith("?") and "See:" not in refused.sentence:
        hint(f"See: {WHERE_TO_LOOK[refused.code]}")


def printable(text: str) -> str:
    """Return ``text`` without control characters, which could move a terminal's cursor or rewrite what it shows."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def say_table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under titles, each column as wide as its widest cell.

    Columns that the terminal has no room for stand beneath their row, each after its title; nothing is cut.
    """
    heads = [title.upper() for title in titles]
    cells = [[printable(_text(cell)) for cell in row] for row in rows]
    widths = [max(len(title), *(len(row[place]) for row in cells), 0) for place, title in enumerate(heads)]
    edge = _edge()
    beside = len(heads) if edge is None else _fitting(widths, edge)
    typer.secho(_line(heads[:beside], widths), bold=True)
    for row in cells:
        print(_line(row[:beside], widths))
        for title, cell in zip(heads[beside:], row[beside:], strict=True):
            if cell != NOTHING:
                print(_beneath(f"{title}{GAP}{cell}", edge))


def _edge() -> int | None:
    return max(shutil.get_terminal_size().columns, SHORTEST_LINE) if sys.stdout.isatty() else None


def _fitting(widths: Sequence[int], edge: int) -> int:
    """Return how many columns, from the first, fit on a line; one in any case."""
    ends = accumulate(widths, lambda end, width: end + len(GAP) + width)
    return max(1, sum(end <= edge for end in ends))


def _beneath(text: str, edge: int | None) -> str:
    # What has to be copied, such as a request id or an address, is never broken.
    return textwrap.fill(
        text,
        edge or len(text) + len(INDENT),
        initial_indent=INDENT,
        subsequent_indent=INDENT + GAP,
        break_long_words=False,
        break_on_hyphens=False,
    )


def say_pairs(pairs: Mapping[str, object]) -> None:
    """Print names and values, values aligned."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        print(f"{name.ljust(width)}{GAP}{printable(_text(value))}")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)).rstrip()


def _text(value: object) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or NOTHING
    return str(value)


def short(data: Mapping[str, Any]) -> str:
    """Return an event's data on one line; what only machines need is left out."""
    hidden = {"secret_id", "secret_digest"}
    shown = {name: value for name, value in data.items() if name not in hidden and value is not None}
    return GAP.join(f"{name}={_flat(value)}" for name, value in shown.items())


def _flat(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else str(value)


def when(text: str | None) -> str:
    """Return a time of the API to the second, in UTC."""
    return "-" if not text else text[:19].replace("T", " ") + "Z"
