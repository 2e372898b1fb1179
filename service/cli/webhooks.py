"""The verb ``webhook``: addresses outside that are told of events."""

from typing import Annotated, Any

import typer

from service.cli.client import open_client, segment
from service.cli.options import Json
from service.cli.output import hint, say, say_json, say_table, when

webhook = typer.Typer(help="Tell addresses outside of events.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="The webhook's id, from `keyledger webhook list`.", show_default=False)]


@webhook.command("add", epilog="Example: keyledger webhook add https://hooks.example.net/keyledger --workspace acme")
def add(
    url: Annotated[str, typer.Argument(help="The https address that gets each event by POST.", show_default=False)],
    *,
    workspace: Annotated[
        str | None, typer.Option(help="Only this workspace's events; none: the whole log.", show_default=False)
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", help="Only events of this type; may be given several times.", show_default=False),
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.", show_default=False)] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why; kept for ever, in clear: name nobody in it.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell an address of what is recorded from now on. Prints the signing secret, which is shown this once."""
    given = {"workspace": workspace, "types": type_ or None, "description": description, "reason": reason}
    body = {"url": url, **{name: value for name, value in given.items() if value is not None}}
    answer = open_client().send("POST", "/webhooks", body)
    if as_json:
        say_json(answer)
        return
    say(answer["secret"])
    hint("This is the signing secret of Standard Webhooks. Give it to the receiver; it is not shown again.")


@webhook.command("list", epilog="Example: keyledger webhook list")
def list_webhooks(*, as_json: Json = False) -> None:
    """List all webhooks, with what they have not taken."""
    answer = open_client().get("/webhooks")
    if as_json:
        say_json(answer)
        return
    rows = [
        [one["id"], one["url"], one["workspace"] or "all", one["types"], _state(one), one["waiting"], one["dead"]]
        for one in answer["items"]
    ]
    say_table(["id", "url", "workspace", "types", "state", "waiting", "dead"], rows)


@webhook.command("rotate-secret", epilog="Example: keyledger webhook rotate-secret 3f0c... --keep-hours 24")
def rotate_secret(
    webhook_id: Id,
    *,
    keep_hours: Annotated[
        int, typer.Option(min=0, max=168, help="So long the former secret signs too; 0 where it became known.")
    ] = 24,
    reason: Annotated[str | None, typer.Option(help="Why; kept with the event.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Sign with a new secret from now on. Prints it; it is shown this once."""
    body = {"keep_hours": keep_hours, **({} if reason is None else {"reason": reason})}
    answer = open_client().send("POST", f"/webhooks/{segment(webhook_id)}/secret", body)
    if as_json:
        say_json(answer)
        return
    say(answer["secret"])
    until = f"within {keep_hours} hours: until then the former one signs as well" if keep_hours else "now"
    hint(f"This is the new signing secret. Give it to the receiver {until}. It is not shown again.")


@webhook.command("remove", epilog="Example: keyledger webhook remove 3f0c...")
def remove(webhook_id: Id, *, as_json: Json = False) -> None:
    """Tell an address of nothing more, and forget what it did not take."""
    answer = open_client().send("DELETE", f"/webhooks/{segment(webhook_id)}")
    if as_json:
        say_json(answer)
    else:
        say(f"{answer['url']} is told of nothing more.")


@webhook.command("dead-letters", epilog="Example: keyledger webhook dead-letters 3f0c...")
def dead_letters(webhook_id: Id, *, as_json: Json = False) -> None:
    """List what a webhook was told in vain, oldest first."""
    found = open_client().items(f"/webhooks/{segment(webhook_id)}/dead-letters")
    if as_json:
        say_json({"items": found, "next": None})
        return
    rows = [
        [one["position"], one["stream_id"], one["attempts"], when(one["given_up_at"]), one["last_error"]]
        for one in found
    ]
    say_table(["position", "workspace", "attempts", "given up", "why"], rows)


@webhook.command("replay", epilog="Example: keyledger webhook replay 3f0c... --position 17")
def replay(
    webhook_id: Id,
    *,
    position: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Only this one; may be given several times.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send dead letters again; a webhook that was disabled goes on."""
    body: dict[str, Any] = {"positions": position} if position else {}
    answer = open_client().send("POST", f"/webhooks/{segment(webhook_id)}/dead-letters/replay", body)
    if as_json:
        say_json(answer)
    else:
        say(f"{answer['replayed']} are sent again.")


def _state(one: dict[str, Any]) -> str:
    return f"disabled: {one['disabled_because']}" if one["disabled_at"] else "on"
