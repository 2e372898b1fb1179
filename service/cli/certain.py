"""Asks once more before what cannot be taken back: a mistyped name is noticed in time."""

import sys
from typing import Annotated

import typer

from service.cli.output import hint

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask once more; programs, without a terminal, never are.")]


def make_certain(what: str, *, yes: bool) -> None:
    """Ask whoever sits at a terminal whether ``what``, a sentence, is to happen.

    Raises:
        typer.Exit: with 1, when it is not.
    """
    if yes or not sys.stdin.isatty():
        return
    if not typer.confirm(f"{what} That cannot be undone. Go on?", err=True):
        hint("Nothing was done.")
        raise typer.Exit(1)
