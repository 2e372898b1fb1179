"""The verb ``what-if``: what a change would do, before it is made."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.client import Refused, open_client, segment
from service.cli.options import Json, Slug
from service.cli.output import hint, say, say_json, say_table, short

REFUSED = 1
LISTS = {
    "newly_refused": "newly refused",
    "newly_admitted": "newly let in",
    "otherwise": "decided otherwise",
    "uncertain": "uncertain",
}


def what_if(
    slug: Slug,
    file: Annotated[
        str, typer.Argument(help="A file with the proposed event, or a list of them, as JSON; - for standard input.")
    ],
    *,
    sign_ins: Annotated[
        int, typer.Option(min=0, max=1000, help="How many of the last sign-ins are judged again.")
    ] = 200,
    as_json: Json = False,
) -> None:
    """Tell whom a change would let in or refuse, and by which rule. Nothing is recorded; exit code 1 if refused."""
    path = f"/workspaces/{segment(slug)}/what-if?sign_ins={sign_ins}"
    answer = open_client().send("POST", path, _read(file))
    if as_json:
        say_json(answer)
    else:
        _say(slug, answer)
    if not answer["accepted"]:
        raise typer.Exit(REFUSED)


def _say(slug: str, answer: Mapping[str, Any]) -> None:
    rows = [
        [one["type"], "would be refused", f"{one['refusal']['detail']} [{one['refusal']['code']}]"]
        if one["refusal"]
        else [one["type"], "would record" if one["events"] else "changes nothing", _events(one)]
        for one in answer["proposed"]
    ]
    say_table(["proposed", "result", "what"], rows)
    for part in ("members", "sign_ins"):
        found = answer[part]
        say()
        say(f"{found['checked']} {'members' if part == 'members' else 'people of the last sign-ins'} judged again.")
        people = [
            [words, one["email"], one["role"], way["method"], way["before"]["sentence"], way["after"]["sentence"]]
            for name, words in LISTS.items()
            for one in found[name]
            for way in one["ways"]
        ]
        if people:
            say_table(["", "email", "role", "way in", "now", "then"], people)
        for name, words in LISTS.items():
            if found["counts"].get(name, 0) > len(found[name]):
                say(f"and {found['counts'][name] - len(found[name])} more {words}.")
    hint(f"Nothing was recorded. {slug} is at version {answer['version']}.")


def _events(one: Mapping[str, Any]) -> str:
    return "; ".join(f"{event['type']} {short(event['data'])}".strip() for event in one["events"])


def _read(file: str) -> object:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise Refused(f"{file} cannot be read ({error.strerror}).", "data_invalid") from None
    except (ValueError, RecursionError):
        example = '{"type": "DomainRemoved", "data": {"domain": "acme.example"}}'
        raise Refused(f"What was given is not JSON. Write it as: {example}", "data_invalid") from None
