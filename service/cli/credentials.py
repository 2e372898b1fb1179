"""Commands about the provider's credentials. The secret comes from standard input or a file, never from an argument."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from service.cli.change import Why, explained, record
from service.cli.client import Refused
from service.cli.options import Json, Slug

credentials = typer.Typer(help="What Keyledger presents to the customer's provider.", no_args_is_help=True)

MAXIMUM_SECRET = 4096


class EmailVerified(StrEnum):
    """What the provider's email_verified claim is worth."""

    ignore = "ignore"
    require = "require"


class AuthMethod(StrEnum):
    """How the client secret is presented at the provider's token endpoint."""

    basic = "client_secret_basic"
    post = "client_secret_post"


OktaDomain = Annotated[str | None, typer.Option(help="The Okta domain, such as acme.okta.com.", show_default=False)]
Issuer = Annotated[str | None, typer.Option(help="Another OpenID provider's issuer address.", show_default=False)]
ClientId = Annotated[str, typer.Option(help="The client ID of the Okta app.", show_default=False)]
SecretFile = Annotated[
    Path | None,
    typer.Option(help="Read the client secret from this file instead of standard input.", show_default=False),
]
Verified = Annotated[
    EmailVerified | None,
    typer.Option(help="Default: ignore for Okta, require for other providers.", show_default=False),
]
Presented = Annotated[
    AuthMethod | None,
    typer.Option(
        help="Default: client_secret_basic where the provider offers it. Some take unusual signs by post alone.",
        show_default=False,
    ),
]
SECRET_EXAMPLE = "keyledger credentials {verb} acme --okta-domain acme.okta.com --client-id 0oa1b2c3 < secret.txt"  # noqa: S105 -- an example command


@credentials.command("set", epilog="Example: " + SECRET_EXAMPLE.format(verb="set"))
@explained
def set_credentials(
    slug: Slug,
    *,
    client_id: ClientId,
    okta_domain: OktaDomain = None,
    issuer: Issuer = None,
    secret_file: SecretFile = None,
    email_verified: Verified = None,
    auth_method: Presented = None,
    why: Why,
    as_json: Json = False,
) -> None:
    """Set the credentials, active at once. The secret is asked for, or read from standard input."""
    data = _data(okta_domain, issuer, client_id, secret_file, email_verified, auth_method)
    record(slug, "CredentialsSet", data, why, as_json=as_json, then=f"keyledger workspace readiness {slug}")


@credentials.command("stage", epilog="Example: " + SECRET_EXAMPLE.format(verb="stage"))
@explained
def stage_credentials(
    slug: Slug,
    *,
    client_id: ClientId,
    okta_domain: OktaDomain = None,
    issuer: Issuer = None,
    secret_file: SecretFile = None,
    email_verified: Verified = None,
    auth_method: Presented = None,
    why: Why,
    as_json: Json = False,
) -> None:
    """Stage new credentials beside the active ones, to be tested by a sign-in before they are promoted."""
    data = _data(okta_domain, issuer, client_id, secret_file, email_verified, auth_method)
    record(
        slug,
        "CredentialsStaged",
        data,
        why,
        as_json=as_json,
        then=f"test them, then keyledger credentials promote {slug}",
    )


@credentials.command("promote", epilog="Example: keyledger credentials promote acme")
@explained
def promote_credentials(slug: Slug, *, why: Why, as_json: Json = False) -> None:
    """Make the staged credentials the active ones; the former stay for one rollback."""
    record(slug, "CredentialsPromoted", {}, why, as_json=as_json)


@credentials.command("rollback", epilog="Example: keyledger credentials rollback acme")
@explained
def roll_back_credentials(slug: Slug, *, why: Why, as_json: Json = False) -> None:
    """Return to the credentials that were active before the last promotion."""
    record(slug, "CredentialsRolledBack", {}, why, as_json=as_json)


@credentials.command("discard", epilog="Example: keyledger credentials discard acme")
@explained
def discard_credentials(slug: Slug, *, why: Why, as_json: Json = False) -> None:
    """Throw the staged credentials away."""
    record(slug, "CredentialsDiscarded", {}, why, as_json=as_json)


@credentials.command("remove", epilog='Example: keyledger credentials remove acme --reason "customer left Okta"')
@explained
def remove_credentials(slug: Slug, *, why: Why, as_json: Json = False) -> None:
    """Remove the active credentials."""
    record(slug, "CredentialsRemoved", {}, why, as_json=as_json)


def _data(
    okta_domain: str | None,
    issuer: str | None,
    client_id: str,
    secret_file: Path | None,
    verified: EmailVerified | None,
    auth_method: AuthMethod | None,
) -> dict[str, object]:
    if (okta_domain is None) == (issuer is None):
        message = "give either --okta-domain or --issuer"
        raise typer.BadParameter(message)
    place = {"okta_domain": okta_domain} if okta_domain is not None else {"issuer": issuer}
    chosen = {} if verified is None else {"email_verified": verified.value}
    if auth_method is not None:
        chosen["auth_method"] = auth_method.value
    return {**place, "client_id": client_id, "client_secret": read_secret(secret_file).get_secret_value(), **chosen}


def read_secret(path: Path | None) -> SecretStr:
    """Return the secret from the file, from a hidden prompt on a terminal, or from standard input.

    Raises:
        Refused: when the file cannot be read, or nothing came.
    """
    if path is not None:
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(MAXIMUM_SECRET + 1)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not text"
            raise Refused(f"{path} cannot be read ({why}).", "data_invalid") from None
    elif sys.stdin.isatty():
        text = str(typer.prompt("Client secret", hide_input=True, err=True))
    else:
        try:
            text = sys.stdin.read(MAXIMUM_SECRET + 1)
        except (OSError, UnicodeDecodeError):
            raise Refused("What came in on standard input is no text, so no client secret.", "data_invalid") from None
    secret = text.strip()
    if not secret:
        raise Refused(
            "No client secret came in. Give it on standard input, or name a file by --secret-file.", "data_invalid"
        )
    if len(secret) > MAXIMUM_SECRET:
        raise Refused("What came in is too long for a client secret.", "data_invalid")
    return SecretStr(secret)
