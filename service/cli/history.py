"""Commands that read what happened: the history, the difference between two moments, sign-ins."""

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from events.upcasting import UnknownSchema, upcast
from projections.summaries import SENTENCES
from service.cli.client import open_client, segment
from service.cli.naming import who
from service.cli.options import Json, Slug, moment
from service.cli.output import hint, say, say_json, say_table, short, when
from service.cli.sign_in_counts import say_counts

EVERYWHERE = 20


class Lines(StrEnum):
    """How all sign-ins are written."""

    NDJSON = "ndjson"
    CSV = "csv"


MEDIA = {Lines.NDJSON: "application/x-ndjson", Lines.CSV: "text/csv"}

Moment = Annotated[str, typer.Argument(help="A version (7) or a moment (2026-11-24, yesterday).", show_default=False)]
Later = Annotated[str, typer.Argument(help="A version or a moment; default: now.", show_default=False)]


def history(
    slug: Annotated[
        str | None, typer.Argument(help="The workspace's slug; none: all workspaces.", show_default=False)
    ] = None,
    *,
    last: Annotated[
        int | None, typer.Option(min=1, help="Only so many, the newest (20 of all workspaces).", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell who changed what, when and why, oldest first: in one workspace, or lately in all of them."""
    if slug is None:
        client = open_client()
        shown = client.items("/timeline", limit=last or EVERYWHERE)[::-1]
        for one in client.get("/parked")["items"]:
            hint(f"{one['workspace'] or '$system'} is parked from position {one['position']} on: see keyledger parked")
    else:
        found = open_client().items(f"/workspaces/{segment(slug)}/events")
        shown = found if last is None else found[-last:]
    if as_json:
        say_json({"items": shown, "next": None})
    elif slug is None:
        titles = ["workspace", "version", "when", "who", "what", "why"]
        say_table(titles, [[one["workspace"], *_told(one, one["summary"])] for one in shown])
    else:
        say_table(["version", "when", "who", "what", "why"], [_told(one, _sentence(one)) for one in shown])


def _told(event: dict[str, Any], sentence: str) -> list[object]:
    return [event["version"], when(event["recorded_at"]), who(event), sentence, event["reason"]]


def _sentence(event: dict[str, Any]) -> str:
    try:
        return SENTENCES[event["type"]](upcast(event["type"], event["schema_version"], event["data"]))
    except (LookupError, UnknownSchema):
        # A newer service may tell of what this program does not know yet.
        return f"{event['type']}  {short(event['data'])}"


def diff(slug: Slug, earlier: Moment, later: Later = "now", *, as_json: Json = False) -> None:
    """Tell what differs between two versions or moments."""
    path = f"/workspaces/{segment(slug)}/diff"
    answer = open_client().get(path, **{"from": _point(earlier), "to": _point(later)})
    if as_json:
        say_json(answer)
        return
    if not answer["changes"]:
        say(f"Nothing differs between version {answer['from']['version']} and version {answer['to']['version']}.")
        return
    title = [f"version {answer['from']['version']}", f"version {answer['to']['version']}"]
    rows = [[one["path"], _value(one["before"]), _value(one["after"]), _made_by(one)] for one in answer["changes"]]
    say_table(["what", *title, "made by"], rows)


def _made_by(change: dict[str, Any]) -> str:
    return "; ".join(
        f"version {one['version']}, {who(one)}" + (f": {one['reason']}" if one["reason"] else "")
        for one in change.get("events", ())
    )


def sign_ins(
    slug: Slug,
    *,
    last: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    lines: Annotated[
        Lines | None,
        typer.Option("--all", help="All that the log has, one a line, for other programs.", show_default=False),
    ] = None,
    counts: Annotated[
        bool, typer.Option("--counts", help="How many by day and outcome, also when the log has them no more.")
    ] = False,
    first: Annotated[
        str | None, typer.Option("--from", help="Count from this day (UTC), such as 2026-11-01.", show_default=False)
    ] = None,
    to: Annotated[str | None, typer.Option(help="Count to the end of this day.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """List the sign-ins, good and bad, newest first; or count them."""
    if (first or to) and not counts:
        message = "--from and --to choose the days of --counts"
        raise typer.BadParameter(message)
    if counts:
        say_counts(slug, first, to, as_json=as_json)
        return
    if lines is not None:
        for line in open_client().lines(f"/workspaces/{segment(slug)}/sign-ins", MEDIA[lines]):
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        return
    found = open_client().items(f"/workspaces/{segment(slug)}/sign-ins", limit=last)
    if as_json:
        say_json({"items": found, "next": None})
        return
    rows = [[when(one["at"]), one["email"], one["method"], one["reason"], one["request_id"]] for one in found]
    say_table(["when", "email", "method", "outcome", "request id"], rows)


def _point(text: str) -> str:
    return text if text.isdecimal() else moment(text)


def _value(value: object) -> str:
    return "-" if value is None else short({"": value}).removeprefix("=")
