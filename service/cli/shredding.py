"""The verb ``secrets``: shredding those of a closed workspace. It works on the database."""

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.certain import Yes, make_certain
from service.cli.options import Json, Slug
from service.cli.output import hint, say, say_json

if TYPE_CHECKING:
    from service.cli.database import Operator
    from service.shredding import WorkspaceShredded

secrets = typer.Typer(help="The sealed client secrets of workspaces.", no_args_is_help=True)


@secrets.command("shred", epilog='Example: keyledger secrets shred acme --reason "contract ended, request 17 of June"')
def shred(
    slug: Slug,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept for ever, in clear: name nobody in it.", show_default=False)],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Destroy a closed workspace's data key and sealed client secrets for good. No event changes; its history verifies.

    A service that had a secret open forgets it within a minute. Backups from before still hold key and secrets.
    """
    from service.cli import database

    if not reason.strip():
        message = "say why, without a name"
        raise typer.BadParameter(message, param_hint="--reason")
    make_certain(f"This destroys the secrets of {slug}.", yes=yes)
    done = database.on_database(lambda operator: _shred(operator, slug, reason.strip()[:1000]))
    if as_json:
        say_json(dataclasses.asdict(done))
        return
    if done.changed:
        say(f"The secrets of {slug} are shredded. Deleted: {done.secrets} client secrets and their data key.")
    elif done.secrets or done.data_key_ids:
        say(f"The secrets of {slug} were shredded before. Deleted again: {done.secrets} client secrets.")
    else:
        say(f"{slug} has no secrets.")
    hint(
        "Backups from before still hold them: delete those in time. After a restore, keyledger restored shreds again "
        "what the restored log tells to be shredded; what it does not know yet, repeat."
    )


async def _shred(operator: "Operator", slug: str, reason: str) -> "WorkspaceShredded":
    from events.secrets import SecretVault
    from service.cli.database import identity_of
    from service.shredding import shred_secrets

    vault = SecretVault(operator.pool, operator.keyring)
    return await shred_secrets(identity_of(operator), vault, slug, await operator.context(reason))
