"""Operator's commands: they start the service, or work on the database itself."""

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.client import Refused
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
    a new epoch, by which readers of the log know. Where a workspace's state cannot be read, it is named, the others are
    done, and the exit code is 1: run it again once the cause is mended.
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
    else:
        _say_restored(result)
    _refuse_left(result["left"])


def _say_restored(result: dict[str, Any]) -> None:
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


def _refuse_left(left: dict[str, Any]) -> None:
    """End with exit code 1 where workspaces were left, after all the others were done."""
    if left["count"]:
        one = left["count"] == 1
        sentence = (
            f"What was handed out of {left['count']} workspace{'' if one else 's'} was not made void: set-up links and "
            "recovery codes. They open nothing until the cause is mended. Mend it, then run keyledger restored once "
            "more, before the service starts."
        )
        places = tuple(f"{place['workspace']}: {place['problem']}" for place in left["first"])
        raise Refused(sentence, "workspace_parked", places)
