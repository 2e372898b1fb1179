"""Operator's commands: they start the service, or work on the database itself."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import Json
from service.cli.output import hint, say, say_json, say_table
from service.cli.progress import Shown, shown_progress


def serve() -> None:
    """Run the service. Without KEYLEDGER_DATABASE_URL it brings its own PostgreSQL."""
    from service.serve import main

    raise typer.Exit(main())


def demo() -> None:
    """Show it all at work: the service, a provider and a workspace, on this machine."""
    from service.demo import main

    raise typer.Exit(main())


def migrate(*, progress: Shown = None, as_json: Json = False) -> None:
    """Bring the database up to date. Safe to repeat, and while instances start."""
    from service.cli import database

    with shown_progress(progress) as bar:
        applied = database.on_database(
            lambda resources: database.apply_migrations(resources, bar.stage("Migrating", "migrations"))
        )
    if as_json:
        say_json({"applied": applied})
    elif applied:
        say_table(["set", "migration"], [[one["set"], one["name"]] for one in applied])
    else:
        say("The database is up to date.")


def rebuild(
    projection: Annotated[str, typer.Argument(help="The projection, such as timeline.", show_default=False)],
    *,
    progress: Shown = None,
    as_json: Json = False,
) -> None:
    """Build a projection again from the first event on, beside the live one, and swap it in."""
    from service.cli import database

    with shown_progress(progress) as bar:
        result = database.on_database(
            lambda resources: database.rebuild(resources, projection, bar.stage(f"Rebuilding {projection}"))
        )
    if as_json:
        say_json(result)
    else:
        say(f"{projection} is built again from {result['events']} events.")
        if result["differing"]:
            say(f"What was there differed for: {', '.join(result['differing'])}.")


def rotate_keys(*, as_json: Json = False) -> None:
    """Wrap every data key with the newest secret key. No event changes; old keys may go afterwards."""
    from service.cli import database

    result = database.on_database(database.rotate_keys)
    if as_json:
        say_json(result)
        return
    say(f"{result['rewrapped']} data keys are wrapped by the newest key.")
    hint("Next: take the old keys out of KEYLEDGER_SECRET_KEYS once every instance has the new one.")


def restored(
    *,
    reason: Annotated[
        str, typer.Option(help="Which backup, and why; kept for ever, so without any name.", show_default=False)
    ],
    shredded: Annotated[
        Path | None,
        typer.Option(
            "--shredded",
            help="A file from `keyledger person list --forgotten`, newer than the backup: they are forgotten again.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run once after restoring a backup, before the service starts: what was handed out before opens nothing any more.

    Ends all sessions, links, recovery codes and API tokens, shreds again what the log tells to be shredded, and begins
    a new epoch, by which readers of the log know.
    """
    from service.cli import database, forgetting

    if not reason.strip():
        message = "say which backup was restored, and why"
        raise typer.BadParameter(message, param_hint="--reason")
    listed = () if shredded is None else forgetting.read_shredded(shredded)
    result = database.on_database(
        lambda resources: database.begin_after_restore(resources, reason.strip()[:1000], listed)
    )
    if as_json:
        say_json(result)
        return
    say(f"Epoch {result['epoch']} begins after position {result['position']}.")
    say(
        f"Void: {result['rows']} sessions, links and mails, {result['tokens']} API tokens, "
        f"and the set-up links and recovery codes of {result['workspaces']} workspaces."
    )
    say(f"Shredded again: {result['names']} names of people, {result['secrets']} client secrets.")
    hint(
        "Next: keyledger token create; send open invitations again; and repeat what was removed after the backup: "
        "members, exceptions that were revoked, and, without --shredded, people whom events name."
    )
