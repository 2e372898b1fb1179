"""The verbs ``parked`` and ``unpark``: workspaces that the timeline had to leave behind."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from service.cli.options import Json
from service.cli.output import say, say_json, say_table


@dataclass(frozen=True)
class _Tried:
    """What became of one workspace: how many events were taken in, or why it stays parked."""

    workspace: str
    events: int = 0
    problem: str | None = None


def parked(*, as_json: Json = False) -> None:
    """List the workspaces with an event that the timeline cannot take in; all others are followed."""
    from service.cli.client import open_client

    found = open_client().get("/parked")["items"]
    if as_json:
        say_json({"items": found, "next": None})
    elif not found:
        say("Nothing is parked.")
    else:
        say_table(["workspace", "position", "parked since", "attempts", "why"], [_row(one) for one in found])


def unpark(
    slug: Annotated[
        str | None, typer.Argument(help="The workspace's slug; none: all that are parked.", show_default=False)
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Take in what was left out, in order, and follow the workspace again; once the cause is mended."""
    from service.cli import database

    tried = [_Tried(**one) for one in database.on_database(lambda operator: database.unpark_timeline(operator, slug))]
    if as_json:
        say_json({"items": [vars(one) for one in tried]})
    elif not tried:
        say(f"{slug} is not parked." if slug else "Nothing is parked.")
    for one in () if as_json else tried:
        say(one.problem or f"{one.workspace} is followed again: {one.events} events were taken in.")
    if any(one.problem for one in tried):
        raise typer.Exit(1)


def _row(one: dict[str, Any]) -> list[object]:
    since = one["parked_at"] or "is tried again"
    return [one["workspace"] or "$system", one["position"], since, one["attempts"], one["error"]]
