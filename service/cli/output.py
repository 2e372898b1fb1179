"""What the commands print: data on standard output, aligned for people or as JSON; talk on standard error."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from service.cli.client import Refused

GAP = "  "
SHORTEST_CUT = 20

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
    """Print rows under titles, each column as wide as its widest cell; the last is cut at the terminal's edge."""
    cells = [[printable(_text(cell)) for cell in row] for row in rows]
    widths = [max(len(title), *(len(row[place]) for row in cells), 0) for place, title in enumerate(titles)]
    typer.secho(_line([title.upper() for title in titles], widths), bold=True)
    for row in cells:
        print(_line(row, widths))


def say_pairs(pairs: Mapping[str, object]) -> None:
    """Print names and values, values aligned."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        print(f"{name.ljust(width)}{GAP}{printable(_text(value))}")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    line = GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
    if not sys.stdout.isatty():
        return line
    edge = max(shutil.get_terminal_size().columns, SHORTEST_CUT)
    return line if len(line) <= edge else line[: edge - 1] + "…"


def _text(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "-"
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
