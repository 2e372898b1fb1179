"""Verbs of proof: checkpoints, the check of the log, of its read models, and of exported files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.options import Json
from service.cli.output import hint, say, say_json, say_table
from service.cli.progress import Shown, shown_progress

Since = Annotated[
    Path | None,
    typer.Option("--since", help="A checkpoint or export that you kept; or a directory of them.", show_default=False),
]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", help="The public key to go by, or a file with it; may be repeated.", show_default=False),
]
Workspace = Annotated[
    str | None, typer.Option("--workspace", help="Only this workspace, by its slug.", show_default=False)
]


def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An exported history; without one, the log itself.", show_default=False)
    ] = None,
    *,
    workspace: Workspace = None,
    since: Since = None,
    key: Keys = None,
    progress: Shown = None,
    as_json: Json = False,
) -> None:
    """Check that no event was changed, removed, inserted or moved, and that the log only grew.

    With a file, it is checked by itself, without a database. Names the first position that does not hold, and how.
    """
    from service.cli import proof_files

    keys = [proof_files.read_key(one) for one in key or ()]
    if file is not None:
        if workspace is not None:
            message = "a file holds one workspace already"
            raise typer.BadParameter(message, param_hint="--workspace")
        result = proof_files.verify_file(file, since, keys)
        _say(result, _say_file, as_json=as_json)
        return
    if workspace is not None and since is not None:
        message = "checkpoints are of the whole log; leave --workspace out"
        raise typer.BadParameter(message, param_hint="--since")
    from service.cli import database, verification

    with shown_progress(progress) as bar:
        result = database.on_database(lambda operator: verification.verify(operator, workspace, since, keys, bar))
    _say(result, _say_log, as_json=as_json)


def check(
    slug: Annotated[str | None, typer.Argument(help="Only this workspace.", show_default=False)] = None,
    *,
    progress: Shown = None,
    as_json: Json = False,
) -> None:
    """Compare the live read models with the replayed events, row by row, and names of people with their ids.

    Names what the log says was destroyed and still is there: secrets, members, tokens. Nothing is stopped or changed.
    """
    from service.cli import database, verification

    with shown_progress(progress) as bar:
        result = database.on_database(lambda operator: verification.check(operator, slug, bar))
    if as_json:
        say_json(result)
    elif not result["differences"]:
        say(f"Live equals replay: {result['workspaces']} workspaces, {result['entries']} entries of the timeline.")
    else:
        _say_differences(result["differences"])
    if result["names"] and not as_json:
        say("These names of people are not what the events were recorded with.")
        say_table(["id", "what"], [[one["name_id"], one["problem"]] for one in result["names"]])
    if result["standing"] and not as_json:
        say("These are there although the log says that they were destroyed, as in tables of an older backup.")
        rows = [[one["kind"], one["workspace"], one["problem"]] for one in result["standing"]]
        say_table(["kind", "workspace", "what"], rows)
    if result["differences"] or result["names"] or result["standing"]:
        raise typer.Exit(1)


def checkpoint(*, as_json: Json = False) -> None:
    """Sign a checkpoint of the whole log now, publish it where the settings say, and print it."""
    from service.cli import database, verification

    result = database.on_database(verification.make_checkpoint)
    _say_checkpoint(result, as_json=as_json)


def rotate_signing_key(
    *,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Why; kept for ever, in clear: name nobody in it.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Sign checkpoints with a new key from now on. Prints the checkpoint that the former key signs as well."""
    from service.cli import database, verification

    result = database.on_database(lambda operator: verification.rotate_signing_key(operator, reason))
    _say_checkpoint(result, as_json=as_json)
    hint("Next: give the new key to everybody who checks checkpoints. What the former key signed stays good.")


def _say_checkpoint(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(result)
        return
    for line in result["note"].splitlines():
        say(line)
    hint(f"Public key: {result['key']}")


def _say(result: dict[str, Any], tell: Any, *, as_json: bool) -> None:
    if as_json:
        say_json(result)
    else:
        tell(result)
    if not result["holds"]:
        raise typer.Exit(1)


def _say_log(result: dict[str, Any]) -> None:
    if "position" in result:
        say(f"The log does not hold. First at position {result['position']}, {result['kind']}: {result['problem']}")
        if result["missing"]:
            _say_missing(result["missing"])
        return
    say(f"The log holds: {result['events']} events in {result['streams']} streams.")
    if result["checkpoints"]:
        say(f"Checkpoints that agree: {result['checkpoints']}. The last one covers {result['covered']} events.")
    else:
        say("No checkpoint was made yet.")
    if result["damage"]:
        say(f"Damaged: {result['damage']}")
    if result["differences"]:
        _say_differences(result["differences"])


def _say_missing(missing: dict[str, Any]) -> None:
    say(
        f"Missing: {missing['events']} events, the leaves {missing['first']} to {missing['last']}, at positions after "
        f"{missing['after']} and up to {missing['until']}."
    )
    where = "" if missing["kept_in"] is None else f" ({missing['kept_in']})"
    say(
        f"The checkpoint of {missing['size']} events, made at {missing['made_at']}{where}, covers them; what was "
        "recorded after it is missing as well."
    )
    if missing["said"] is None:
        say(
            "What to do: restore a later backup, or all of the WAL up to then. If there is none, run `keyledger "
            "restored --reason ...` and repeat what is missing: exports, webhooks and readers of the log may have it."
        )
    else:
        say(
            f"An operator has said so since: {missing['said']}. Keep later checkpoints in a directory of their own, "
            "and compare with those."
        )


def _say_differences(differences: list[dict[str, Any]]) -> None:
    say("These rows of the read models do not follow from the log. `keyledger rebuild` mends what can be read.")
    rows = [[one["projection"], one["stream_id"], one["position"], one["problem"]] for one in differences]
    say_table(["read model", "workspace", "position", "what"], rows)


def _say_file(result: dict[str, Any]) -> None:
    if not result["holds"]:
        where = f"at position {result['position']}, {result['kind']}" if result["position"] else "from its beginning"
        say(f"The history of {result['stream']} does not hold. First {where}: {result['problem']}")
        return
    say(
        f"The history of {result['stream']} holds: {result['events']} events, as signed at {result['made_at']} "
        f"among {result['size']} of the whole log."
    )
    if result["names"]:
        say(f"Who it names, as the events were recorded: {', '.join(sorted(result['names'].values()))}.")
    if result["grown"]:
        say("The whole log only grew since then.")
    elif result["grown"] is False:
        say("Its own events go on from the earlier file. For the whole log, export again with --since that file.")
    hint(f"Signed by {result['key']}. Compare this key with the one that you were given, or name that one with --key.")
