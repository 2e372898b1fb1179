"""The verb ``sign-in``: one sign-in looked into."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from service.cli.client import open_client, segment
from service.cli.naming import who
from service.cli.options import Json, Slug
from service.cli.output import hint, say, say_json, say_pairs, say_table, when

sign_in = typer.Typer(help="Look into a sign-in.", no_args_is_help=True)


@sign_in.command("explain", epilog="Example: keyledger sign-in explain acme req_Zm9v")
def explain(
    slug: Slug,
    reference: Annotated[
        str, typer.Argument(help="The request id on the person's page, or the sign-in's id.", show_default=False)
    ],
    *,
    as_json: Json = False,
) -> None:
    """Tell why a sign-in went as it did: each check, the configuration of then, who made it so, what would help."""
    answer = open_client().get(f"/workspaces/{segment(slug)}/sign-ins/{segment(reference)}")
    if as_json:
        say_json(answer)
        return
    row = answer["sign_in"]
    say_pairs(
        {
            "outcome": f"{answer['outcome']} [{row['reason']}{_detail(row)}]",
            "when": when(row["at"]),
            "method": row["method"],
            "email": row["email"],
            "request id": row["request_id"],
            "judged under": _judged_under(answer),
            "explanation": answer["explanation"],
            "Okta field": answer["okta_field"],
        }
    )
    if answer["checks"]:
        say()
        say_table(["check", "result", "meaning"], [[c["check"], c["result"], c["sentence"]] for c in answer["checks"]])
    made = {one["position"]: one for part in [answer, *answer["checks"]] for one in part["events"]}
    if made:
        say()
        rows = [
            [one["version"], when(one["recorded_at"]), who(one), one["summary"], one["reason"]]
            for _, one in sorted(made.items())
        ]
        say_table(["made so by", "when", "who", "what", "why"], rows)
    if answer["remedy"]:
        say()
        say(f"What would help: {answer['remedy']}")
    if row["config_version"]:
        hint(f"Next: keyledger show {slug} --version {row['config_version']}")


def _detail(row: Mapping[str, Any]) -> str:
    return f", {row['detail']}" if row["detail"] else ""


def _judged_under(answer: Mapping[str, Any]) -> str:
    configuration = answer["configuration"]
    if configuration is None:
        return "no configuration; the workspace did not exist yet"
    as_of = "" if answer["configuration_as_of"] == "version" else ", the one of that moment"
    domains = ", ".join(one["domain"] for one in configuration["domains"]) or "no domains"
    credentials = configuration["credentials"]
    return "; ".join(
        [
            f"version {configuration['version']}{as_of}",
            f"SSO {'on' if configuration['sso']['enabled'] else 'off'}",
            domains,
            "no credentials"
            if credentials is None
            else f"client {credentials['client_id']} at {credentials['issuer']}",
            f"just-in-time {'as ' + configuration['jit']['role'] if configuration['jit']['enabled'] else 'off'}",
            f"SSO {'' if configuration['enforcement']['enabled'] else 'not '}required",
        ]
    )
