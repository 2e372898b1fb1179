"""The ``keyledger`` command: all verbs together, and how a run ends.

Exit codes: 0 done, 1 refused (one sentence and the code on standard error), 2 a mistake in the command itself.
"""

import os
import re
import sys
from collections.abc import Sequence
from importlib.metadata import version as installed_version
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from service.cli import (
    configure,
    exporting,
    history,
    operate,
    parking,
    people,
    persons,
    proof,
    setup_links,
    shredding,
    sign_ins,
    tokens,
    webhooks,
    what_if,
    workspaces,
)
from service.cli.client import Refused
from service.cli.credentials import credentials
from service.cli.output import complain

REFUSED = 1
MISUSED = 2

ORDER = (
    "workspace",
    "show",
    "domain",
    "jit",
    "credentials",
    "sso",
    "provider-logout",
    "enforce",
    "bypass",
    "setup-link",
    "invite",
    "invitation",
    "member",
)

EPILOG = "Support verbs speak to KEYLEDGER_URL with KEYLEDGER_TOKEN; operator verbs work on the database."


_LIBRARY_WORDS = (
    (re.compile("^Value error, "), ""),
    (re.compile("^Input should be less than or equal to "), "the most is "),
    (re.compile("^Input should be greater than or equal to "), "the least is "),
    (re.compile("^Input should be a valid integer.*"), "give a whole number"),
)


def plain(message: str) -> str:
    """Return what a library says of a value, in words that say what to give."""
    for pattern, words in _LIBRARY_WORDS:
        message = pattern.sub(words, message)
    return message


class InOrder(TyperGroup):
    """Lists the verbs in the order in which they are needed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 -- the name is the base class's
        """Return the verbs: as registered, so that the panels of the help follow one another."""
        return [*ORDER, *(name for name in self.commands if name not in ORDER)]

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; what is wrong about its values is told in words for people."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = plain(error.message)
            raise


keyledger = typer.Typer(
    name="keyledger",
    cls=InOrder,
    help="Single sign-on for the workspaces of a multi-tenant service, kept as an append-only ledger of events.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

WORKSPACE = "Workspaces"
CONNECTION = "The connection"
PEOPLE = "People"
RECORD = "What happened"
OPERATOR = "Operators"


def _say_version(value: bool) -> None:
    if value:
        typer.echo(installed_version("keyledger"))
        raise typer.Exit


@keyledger.callback()
def root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that stand before the verb."""


keyledger.add_typer(workspaces.workspace, name="workspace", rich_help_panel=WORKSPACE)
keyledger.command("show", rich_help_panel=WORKSPACE, epilog="Example: keyledger show acme --at 2026-11-24")(
    workspaces.show
)
keyledger.add_typer(configure.domain, name="domain", rich_help_panel=CONNECTION)
keyledger.add_typer(configure.jit, name="jit", rich_help_panel=CONNECTION)
keyledger.add_typer(credentials, name="credentials", rich_help_panel=CONNECTION)
keyledger.add_typer(configure.sso, name="sso", rich_help_panel=CONNECTION)
keyledger.add_typer(configure.enforce, name="enforce", rich_help_panel=CONNECTION)
keyledger.add_typer(configure.provider_logout, name="provider-logout", rich_help_panel=CONNECTION)
keyledger.add_typer(configure.bypass, name="bypass", rich_help_panel=CONNECTION)
keyledger.add_typer(setup_links.setup_link, name="setup-link", rich_help_panel=CONNECTION)
keyledger.command(
    "invite", rich_help_panel=PEOPLE, epilog="Example: keyledger invite acme ada@acme.example --role editor"
)(people.invite)
keyledger.add_typer(people.invitation, name="invitation", rich_help_panel=PEOPLE)
keyledger.add_typer(people.member, name="member", rich_help_panel=PEOPLE)
keyledger.command("history", rich_help_panel=RECORD, epilog="Example: keyledger history acme --last 10")(
    history.history
)
keyledger.command("diff", rich_help_panel=RECORD, epilog="Example: keyledger diff acme 3 7")(history.diff)
keyledger.command("sign-ins", rich_help_panel=RECORD, epilog="Example: keyledger sign-ins acme")(history.sign_ins)
keyledger.command("what-if", rich_help_panel=RECORD, epilog="Example: keyledger what-if acme proposed.json")(
    what_if.what_if
)
keyledger.add_typer(sign_ins.sign_in, name="sign-in", rich_help_panel=RECORD)
keyledger.command("export", rich_help_panel=RECORD, epilog="Example: keyledger export acme -o acme.json")(
    exporting.export
)
keyledger.command("parked", rich_help_panel=RECORD, epilog="Example: keyledger parked")(parking.parked)
keyledger.command(
    "verify", rich_help_panel=RECORD, epilog="Example: keyledger verify acme.json --since acme-2025.json"
)(proof.verify)
keyledger.command("serve", rich_help_panel=OPERATOR, epilog="Example: KEYLEDGER_PORT=8080 keyledger serve")(
    operate.serve
)
keyledger.command("demo", rich_help_panel=OPERATOR, epilog="Example: keyledger demo")(operate.demo)
keyledger.command("migrate", rich_help_panel=OPERATOR, epilog="Example: keyledger migrate")(operate.migrate)
keyledger.add_typer(tokens.token, name="token", rich_help_panel=OPERATOR)
keyledger.add_typer(persons.person, name="person", rich_help_panel=OPERATOR)
keyledger.add_typer(shredding.secrets, name="secrets", rich_help_panel=OPERATOR)
keyledger.add_typer(webhooks.webhook, name="webhook", rich_help_panel=OPERATOR)
keyledger.command("checkpoint", rich_help_panel=OPERATOR, epilog="Example: keyledger checkpoint > log.checkpoint")(
    proof.checkpoint
)
keyledger.command("check", rich_help_panel=OPERATOR, epilog="Example: keyledger check acme")(proof.check)
keyledger.command("unpark", rich_help_panel=OPERATOR, epilog="Example: keyledger unpark acme")(parking.unpark)
keyledger.command("rebuild", rich_help_panel=OPERATOR, epilog="Example: keyledger rebuild timeline")(operate.rebuild)
keyledger.command(
    "restored",
    rich_help_panel=OPERATOR,
    epilog='Example: keyledger restored --reason "backup of 2026-11-24, disk lost"',
)(operate.restored)
keyledger.command("rotate-keys", rich_help_panel=OPERATOR, epilog="Example: keyledger rotate-keys")(operate.rotate_keys)
keyledger.command(
    "rotate-signing-key",
    rich_help_panel=OPERATOR,
    epilog='Example: keyledger rotate-signing-key --reason "once a year"',
)(proof.rotate_signing_key)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _stand_in_for_closed()
    try:
        _refuse_what_is_no_text(sys.argv[1:])
        try:
            keyledger()
        finally:
            # Here, where what becomes of it can be told: at the interpreter's exit it is too late.
            sys.stdout.flush()
    except Refused as refused:
        complain(refused)
        sys.exit(MISUSED if refused.code == "misused" else REFUSED)
    except BrokenPipeError:
        # The reader, such as head, has enough.
        _drop(sys.stdout)
        sys.exit(REFUSED)
    except OSError as error:
        _drop(sys.stdout)
        what = "The answer could not be written" if error.filename is None else f"{error.filename} cannot be used"
        complain(Refused(f"{what} ({error.strerror or type(error).__name__}).", "not_written"))
        sys.exit(REFUSED)


def _stand_in_for_closed() -> None:
    """Put the null device in the place of what the caller has closed (``<&-``, ``2>&-``)."""
    # No number below three may become that of a file that is opened later.
    for place, mode, name in ((0, "r", "stdin"), (1, "w", "stdout"), (2, "w", "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDONLY if mode == "r" else os.O_WRONLY)
            if opened != place:
                os.dup2(opened, place)
                os.close(opened)
            setattr(sys, name, open(place, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 -- a descriptor


def _refuse_what_is_no_text(arguments: Sequence[str]) -> None:
    """Refuse arguments that are not UTF-8, which could be sent nowhere.

    Raises:
        Refused: ``misused``.
    """
    for number, argument in enumerate(arguments, start=1):
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise Refused(f"Argument {number} is no text in UTF-8.", "misused") from None


def _drop(stream: TextIO) -> None:
    """Let what is not written yet go nowhere, so that the exit does not try again."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
