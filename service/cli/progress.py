"""How far something long has come, on standard error: a bar on a terminal, and otherwise nothing unless asked for."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TextIO

import typer

from events.progress import Progress

Shown = Annotated[
    bool | None,
    typer.Option(
        "--progress/--no-progress",
        help="Tell on standard error how far it has come; default: on a terminal.",
        show_default=False,
    ),
]
WIDTH = 30
REDRAW_S = 0.1
LINE_S = 10.0
"""Where there is no line to draw again, such as in a log, each of these many seconds is one line."""

Clock = Callable[[], float]


class Bar:
    """Shows stages one after the other, each with its rate and the time that is left.

    Args:
        stream: where to.
        terminal: whether a line there can be drawn again.
        clock: seconds, from any start.
    """

    def __init__(self, stream: TextIO, *, terminal: bool, clock: Clock = time.monotonic) -> None:
        self._stream, self._terminal, self._clock = stream, terminal, clock
        self._label, self._unit = "", ""
        self._began = self._shown = clock()
        self._said = (0, 0)

    def stage(self, label: str, unit: str = "events") -> Progress:
        """Begin a stage and return what is to be told of it."""
        self.close()
        self._label, self._unit, self._said = label, unit, (0, 0)
        self._began = self._clock()
        self._shown = self._began - REDRAW_S if self._terminal else self._began
        return self._show

    def _show(self, done: int, total: int) -> None:
        now = self._clock()
        self._said = done, total
        if now - self._shown >= (REDRAW_S if self._terminal else LINE_S):
            self._shown = now
            self._write()

    def _write(self) -> None:
        text = line(self._label, self._unit, *self._said, self._clock() - self._began)
        # Erased to its end: the line before may have been longer.
        self._stream.write(f"\r{text}\x1b[K" if self._terminal else f"{text}\n")
        self._stream.flush()

    def close(self) -> None:
        """Show how a stage ended. Where it took too little time for a line of a log, nothing is written."""
        if self._said[0] and self._terminal:
            self._write()
            self._stream.write("\n")
            self._stream.flush()
        self._said = (0, 0)


def line(label: str, unit: str, done: int, total: int, seconds: float) -> str:
    """Return one line: what is done of what, how many a second, and how long it will take. ``total`` 0: not known."""
    rate = done / seconds if seconds > 0 else 0.0
    speed = f"{rate:,.0f}/s"
    if total < 1:
        return f"{label}  {done:,} {unit}  {speed}"
    done = min(done, total)
    full = WIDTH * done // total
    bar = "#" * full + "-" * (WIDTH - full)
    left = _duration((total - done) / rate) if rate else "?"
    last = f"{_duration(seconds)} taken" if done == total else f"{left} left"
    return f"{label}  [{bar}] {100 * done // total:3d}%  {done:,} of {total:,} {unit}  {speed}  {last}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Unseen(Bar):
    """Shows nothing."""

    def __init__(self) -> None:
        super().__init__(sys.stderr, terminal=False)

    def _write(self) -> None:
        """Write nothing."""


@contextmanager
def shown_progress(wanted: bool | None) -> Iterator[Bar]:
    """Lend a bar: on a terminal, or if ``wanted``; otherwise one that shows nothing."""
    terminal = sys.stderr.isatty()
    bar = Bar(sys.stderr, terminal=terminal) if (terminal if wanted is None else wanted) else Unseen()
    try:
        yield bar
    finally:
        bar.close()
