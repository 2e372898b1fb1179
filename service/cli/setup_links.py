"""The link with which a customer's administrator sets the connection up: made, and taken back."""

from typing import Annotated

import typer
from typer.core import TyperGroup

from service.cli.change import Why, explained, tell
from service.cli.client import Refused, open_client, segment
from service.cli.options import Json, Slug
from service.cli.output import hint, say, say_json, when

MOST_AT_ONCE = 50


class _IssueUnlessNamed(TyperGroup):
    """``setup-link acme`` issues a link; the other verbs are named."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["issue", *args]
        return super().parse_args(ctx, args)


setup_link = typer.Typer(
    cls=_IssueUnlessNamed,
    help="A one-time link with which the customer's administrator sets the connection up: setup-link SLUG makes one.",
    no_args_is_help=True,
)


@setup_link.command("issue", epilog="Example: keyledger setup-link acme --hours 24")
@explained
def issue(
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
    hint(f"Take it back by: keyledger setup-link revoke {slug} {answer['id']}")


@setup_link.command("revoke", epilog='Example: keyledger setup-link revoke acme --all --reason "wrong person"')
@explained
def revoke(
    slug: Slug,
    link_id: Annotated[
        str | None, typer.Argument(help="The link's ID, as issuing it told.", show_default=False)
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All links of the workspace.")] = False,
    why: Why,
    as_json: Json = False,
) -> None:
    """Take a link back. It opens nothing any more, nor does the browser that it was exchanged in."""
    if (link_id is None) != every:
        message = "name one link by its ID, or --all"
        raise typer.BadParameter(message)
    client, path = open_client(), f"/workspaces/{segment(slug)}/events"
    ids = [link_id] if link_id is not None else _issued(client.items(path))[-MOST_AT_ONCE:]
    body = [{"type": "SetupLinkRevoked", "data": {"link_id": one}, **why.members()} for one in ids]
    if not body:
        raise Refused(f"There is no set-up link of {slug} to take back.", "not_found")
    answer = client.send("POST", path, body, why.if_version)
    if link_id is not None and not answer["events"]:
        raise Refused(f"No open set-up link of {slug} has this ID. Take all of them back by --all.", "not_found")
    tell(slug, answer, as_json=as_json)


def _issued(events: list[dict[str, object]]) -> list[str]:
    """Return the ids of the links that were issued and not taken back, oldest first."""
    found: dict[str, None] = {}
    for event in events:
        data = event["data"]
        if event["type"] == "SetupLinkIssued" and isinstance(data, dict):
            found[str(data["link_id"])] = None
        elif event["type"] == "SetupLinkRevoked" and isinstance(data, dict):
            found.pop(str(data["link_id"]), None)
    return list(found)
