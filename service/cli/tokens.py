"""Commands about bearer tokens. They work on the database: the first token can come from nowhere else."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from service.cli.options import Json
from service.cli.output import hint, say, say_json, say_table, when

token = typer.Typer(help="Bearer tokens for the HTTP API and the support verbs.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(help="The token's name; changes made with it are shown under it.", show_default=False)
]


class StaffRole(StrEnum):
    """What the token may do."""

    support = "support"
    auditor = "auditor"
    operator = "operator"


@token.command("create", epilog="Example: export KEYLEDGER_TOKEN=$(keyledger token create grace --role support)")
def create(
    name: Annotated[
        str | None,
        typer.Argument(help="The token's name; changes made with it are shown under it.", show_default=False),
    ] = None,
    *,
    named: Annotated[str | None, typer.Option("--name", help="The name, as an option.", show_default=False)] = None,
    role: Annotated[StaffRole, typer.Option(help="support reads and writes, auditor reads, operator may do all.")],
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="How long it is good for.", show_default="for ever")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why; kept for ever, in clear: name nobody in it.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it alone. It is shown this once; only its hash is kept."""
    from service.cli import database

    chosen = name or named
    if chosen is None or (name and named):
        message = "give the token one name, such as: keyledger token create grace --role support"
        raise typer.BadParameter(message)
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    made = database.on_database(
        lambda resources: database.create_token(resources, chosen, role.value, expires_at, reason)
    )
    if as_json:
        say_json(made)
        return
    say(made["token"])
    hint(
        f"Next: export KEYLEDGER_TOKEN to hold it. It is not shown again. Revoke it by: keyledger token revoke {chosen}"
    )


@token.command("revoke", epilog='Example: keyledger token revoke grace --reason "left the team"')
def revoke(
    name: Name,
    *,
    reason: Annotated[
        str | None, typer.Option(help="Why; kept for ever, in clear: name nobody in it.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Revoke a token, at once."""
    from service.cli import database

    changed = database.on_database(lambda resources: database.revoke_token(resources, name, reason))
    if as_json:
        say_json({"name": name, "revoked": True, "changed": changed})
    else:
        say(f"The token {name} is revoked." if changed else f"The token {name} was revoked already.")


@token.command("list", epilog="Example: keyledger token list")
def list_tokens(*, as_json: Json = False) -> None:
    """List all tokens, without what they are."""
    from service.cli import database

    found = database.on_database(database.list_tokens)
    if as_json:
        say_json({"items": found, "next": None})
        return
    rows = [
        [
            one["name"],
            one["role"],
            one["status"],
            when(one["created_at"]),
            when(one["expires_at"]),
            when(one["last_used_at"]),
        ]
        for one in found
    ]
    say_table(["name", "role", "status", "made", "expires", "last used"], rows)
