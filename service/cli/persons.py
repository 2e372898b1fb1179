"""The verb ``person``: whom events name, and forgetting them. It works on the database."""

from typing import Annotated

import typer

from service.cli.certain import Yes, make_certain
from service.cli.options import Json
from service.cli.output import hint, say, say_json, say_table, when

person = typer.Typer(
    help="People whom events name: holders of tokens, operators, and whoever asked for a change.", no_args_is_help=True
)


@person.command("list", epilog="Example: keyledger person list ada")
def list_persons(
    text: Annotated[
        str | None, typer.Argument(help="Only names that hold this, in any case.", show_default=False)
    ] = None,
    *,
    forgotten: Annotated[
        bool, typer.Option("--forgotten", help="The ids of those who were forgotten, alone: for backups.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List whom events name, with how many do. A person who was written in several ways stands there several times."""
    from service.cli import database, forgetting

    found = database.on_database(lambda operator: forgetting.list_persons(operator, text, forgotten=forgotten))
    if as_json:
        say_json({"items": found, "next": None})
    elif forgotten:
        for one in found:
            say(one["id"])
    else:
        rows = [[one["name"], one["events"], when(one["created_at"]), one["id"]] for one in found]
        say_table(["name", "events", "since", "id"], rows)


@person.command(
    "forget", epilog='Example: keyledger person forget ada@acme.example --reason "asked us to, request 17 of June"'
)
def forget(
    name: Annotated[str, typer.Argument(help="The name, exactly as it is listed; or its id.", show_default=False)],
    *,
    reason: Annotated[str, typer.Option(help="Why; kept for ever, in clear, so without any name.", show_default=False)],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Forget a person for good: no event changes, and from now on nobody can say whose id it is. Revokes their tokens.

    Names in reasons and tickets stay, and so do those in events from before names were kept apart.
    """
    from service.cli import database, forgetting

    if not reason.strip():
        message = "say why, without a name"
        raise typer.BadParameter(message, param_hint="--reason")
    make_certain(f"This forgets {name} for good and revokes their tokens.", yes=yes)
    done = database.on_database(lambda operator: forgetting.forget(operator, name, reason.strip()[:1000]))
    if as_json:
        say_json(done)
        return
    state = "is forgotten" if done["changed"] else "was forgotten before"
    say(f"{done['name_id']} {state}. Events that name this person: {done['events']}; they verify as before.")
    if done["tokens"]:
        say(f"API tokens of theirs that are revoked: {done['tokens']}.")
    if done["in_clear"]:
        say(f"Events that hold the name in clear, in reason or ticket or from before: {done['in_clear']}; they stay.")
    hint(
        "Next: keyledger person list --forgotten > forgotten.txt, kept beside the backups: after a restore, "
        "keyledger restored --shredded forgotten.txt forgets them again."
    )
