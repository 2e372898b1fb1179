"""How many sign-ins there were of each kind, by the day; also of days that the log has no more."""

from service.cli.client import open_client, segment
from service.cli.output import say, say_json, say_table


def say_counts(slug: str, first: str | None, last: str | None, *, as_json: bool) -> None:
    """Print the counts of a period: of the last thirty days, unless told (days in UTC, both included)."""
    asked = {name: day for name, day in (("from", first), ("to", last)) if day is not None}
    answer = open_client().get(f"/workspaces/{segment(slug)}/sign-ins/counts", **asked)
    if as_json:
        say_json(answer)
    elif not answer["items"]:
        say(f"No sign-ins from {answer['from']} to {answer['to']}.")
    else:
        rows = [
            [one["day"], one["method"], one["reason"], one["initiated_by"], one["count"]] for one in answer["items"]
        ]
        say_table(["day (UTC)", "method", "outcome", "begun by", "count"], rows)
