"""Asks once more before what takes much away: a mistyped name is noticed in time."""

import sys
from typing import Annotated

import typer

from service.cli.output import hint

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask once more; programs, without a terminal, never are.")]


def is_asked(*, yes: bool) -> bool:
    """Whether somebody sits at a terminal who has not said yes already."""
    return not yes and sys.stdin.isatty()


def make_certain(what: str, *, yes: bool, lasting: bool = True) -> None:
    """Ask whoever sits at a terminal whether ``what``, a sentence, is to happen; ``lasting``: it cannot be undone.

    Raises:
        typer.Exit: with 1, when it is not.
    """
    if not is_asked(yes=yes):
        return
    if not typer.confirm(f"{what}{' That cannot be undone.' if lasting else ''} Go on?", err=True):
        hint("Nothing was done.")
        raise typer.Exit(1)
