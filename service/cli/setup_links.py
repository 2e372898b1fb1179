"""The link with which a customer's administrator sets the connection up."""

from typing import Annotated

import typer

from service.cli.change import Why, explained
from service.cli.client import open_client, segment
from service.cli.options import Json, Slug
from service.cli.output import hint, say, say_json, when


@explained
def setup_link(
    slug: Slug,
    *,
    hours: Annotated[int, typer.Option(min=1, max=168, help="How long it lasts, in hours.")] = 72,
    why: Why,
    as_json: Json = False,
) -> None:
    """Make a one-time link with which the customer's administrator sets the connection up."""
    answer = open_client().send("POST", f"/workspaces/{segment(slug)}/setup-links", {"hours": hours, **why.members()})
    if as_json:
        say_json(answer)
        return
    say(answer["url"])
    hint(f"It works once, in one browser, until {when(answer['expires_at'])}. It is not shown again.")
