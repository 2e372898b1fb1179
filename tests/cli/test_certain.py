"""Whoever sits at a terminal is asked once more before what takes much away."""

import os
import tempfile

import pytest
from support.command_line import CommandLine
from support.provider import FakeProvider

SECRET = "planted-s3cret/+:%"


async def at_a_terminal(command: CommandLine, typed: str, *arguments: str) -> tuple[int, str]:
    """Run a command whose standard input is a terminal at which this is typed; return its exit code and its talk."""
    ours, theirs = os.openpty()
    try:
        os.write(ours, typed.encode())
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            code = await command.run(arguments, [theirs, out.fileno(), err.fileno()])
            err.seek(0)
            return code, err.read().decode()
    finally:
        os.close(ours)
        os.close(theirs)


async def test_a_workspace_is_closed_at_a_terminal_only_after_a_second_yes(command: CommandLine) -> None:
    """No, and anything but yes, leaves the workspace as it is and says so; yes closes it."""
    await command.done("workspace", "register", "acme", "--name", "Acme", "--plan", "one")
    code, said = await at_a_terminal(command, "n\n", "workspace", "close", "acme")
    assert code == 1
    assert "This closes the workspace acme for good. That cannot be undone. Go on?" in said
    assert "Nothing was done." in said
    await command.done("domain", "add", "acme", "acme.example")
    assert (await at_a_terminal(command, "y\n", "workspace", "close", "acme"))[0] == 0
    assert "workspace_closed" in await command.refused("domain", "add", "acme", "acme-two.example")


@pytest.mark.parametrize(
    "arguments",
    [
        ("member", "remove", "acme", "ada@acme.example"),
        ("person", "forget", "ada", "--reason", "asked us to"),
        ("secrets", "shred", "acme", "--reason", "contract ended"),
    ],
)
async def test_what_deletes_for_good_asks_at_a_terminal(command: CommandLine, arguments: tuple[str, ...]) -> None:
    """The question comes before anything is looked at; ``--yes`` leaves it out."""
    code, said = await at_a_terminal(command, "n\n", *arguments)
    assert (code, "Nothing was done." in said) == (1, True)
    _, said = await at_a_terminal(command, "n\n", *arguments, "--yes")
    assert "Go on?" not in said


async def test_a_mistyped_plan_switches_sso_off_at_a_terminal_only_after_a_second_yes(command: CommandLine) -> None:
    """It names both plans and what happens. Without SSO there is nothing to lose, and the same plan changes nothing."""
    await command.done("workspace", "register", "acme", "--name", "Acme", "--plan", "one")
    assert (await at_a_terminal(command, "", "workspace", "plan", "acme", "two"))[0] == 0
    assert (await at_a_terminal(command, "", "workspace", "plan", "acme", "one"))[0] == 0
    await command.done("domain", "add", "acme", "acme.example")
    async with FakeProvider(client_secret=SECRET) as provider:
        place = ("--issuer", provider.issuer, "--client-id", "0oa17n5acme")
        await command.done("credentials", "set", "acme", *place, stdin=SECRET + "\n")
    await command.done("sso", "enable", "acme")
    assert "Go on?" not in (await at_a_terminal(command, "", "workspace", "plan", "acme", "one"))[1]
    code, said = await at_a_terminal(command, "n\n", "workspace", "plan", "acme", "on")
    assert code == 1
    assert "acme signs in by SSO, on the plan one. Unless the plan on has SSO too, this switches it off at once" in said
    assert (await command.done("show", "acme", "--json")).json["sso"]["enabled"] is True
    assert (await at_a_terminal(command, "y\n", "workspace", "plan", "acme", "on"))[0] == 0
    assert (await command.done("show", "acme", "--json")).json["sso"]["enabled"] is False
