"""A mistake costs one clear sentence: exit code 1 for what is refused, 2 for what is mistyped."""

import pytest
from support.command_line import CommandLine, bare_environment
from typer.testing import CliRunner

from service.cli.application import keyledger

LOCAL = CommandLine({**bare_environment(), "KEYLEDGER_URL": "http://127.0.0.1:9", "KEYLEDGER_TOKEN": "klt_" + "A" * 43})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["domainn", "add", "acme", "acme.example"], "Did you mean 'domain'?"),
        (["domain", "ad", "acme", "acme.example"], "Did you mean 'add'?"),
        (["domain", "add", "acme", "acme.example", "--reasn", "x"], "--reason"),
        (["domain", "add", "acme"], "Missing argument"),
        (["invite", "acme", "ada@acme.example", "--role", "editr"], "editor"),
        (["show", "acme", "--at", "tomorow"], "is no time"),
        (["show", "acme", "--at", "9999-12-31T23:59:59-14:00"], "outside of the calendar"),
        (["diff", "acme", "0001-01-01T00:00:00+14:00"], "outside of the calendar"),
        (["show", "acme", "--at", "2026-11-24", "--version", "3"], "either --at or --version"),
        (["bypass", "grant", "acme", "ada@acme.example", "--hours", "73"], "'--hours': the most is 72"),
        (["bypass", "grant", "acme", "ada@acme.example", "--hours", "0"], "'--hours': the least is 1"),
        (["bypass", "grant", "acme", "ada@acme.example", "--hours", "two"], "'--hours': give a whole number"),
        (["member", "role", "acme", "ada@acme.example", "boss"], "'role': 'boss' is not one of 'owner',"),
        (["credentials", "set", "acme", "--client-id", "0oa1"], "either --okta-domain or --issuer"),
    ],
)
async def test_a_typo_is_met_with_a_suggestion(arguments: list[str], told: str) -> None:
    """Exit code 2; what is said names the likely word or the rule."""
    assert told in " ".join((await LOCAL.mistaken(*arguments)).split())


async def test_an_unreachable_server_is_one_sentence() -> None:
    """Exit code 1, the address, and what to do; no traceback."""
    said = await LOCAL.refused("show", "acme")
    assert "http://127.0.0.1:9 does not answer" in said
    assert len(said.strip().splitlines()) == 1


async def test_a_missing_token_is_one_sentence() -> None:
    """It says how to make one."""
    said = await CommandLine(bare_environment()).refused("show", "acme")
    assert "keyledger token create" in said
    assert len(said.strip().splitlines()) == 1


async def test_a_token_that_is_none_is_not_repeated() -> None:
    """What stands in KEYLEDGER_TOKEN is never printed."""
    for token in ("klt planted", "klt_planté", "klt_" + "P" * 43):
        said = await LOCAL.refused("show", "acme", KEYLEDGER_TOKEN=token)
        assert token not in said


async def test_an_address_that_is_none_is_named() -> None:
    """KEYLEDGER_URL without a scheme is told how it has to look."""
    assert "KEYLEDGER_URL has to look like" in await LOCAL.refused("show", "acme", KEYLEDGER_URL="id.example.com")


async def test_a_wrong_token_is_told_what_it_is(command: CommandLine) -> None:
    """unauthenticated, in the words of the command line."""
    said = await command.refused("show", "acme", KEYLEDGER_TOKEN="klt_" + "A" * 43)
    assert "unknown, revoked or expired" in said
    assert "[unauthenticated]" in said


async def test_whoever_misspells_a_workspace_or_a_member_is_told_where_they_are_listed(command: CommandLine) -> None:
    """A refusal of an unknown name says which verb lists those there are, and of a value what shape it has."""
    assert "See: keyledger workspace list" in await command.refused("show", "acmee")
    registering = ("--name", "Acme", "--plan", "one", "--owner", "ada@acme.example")
    said = await command.refused("workspace", "register", "Acme_2", *registering)
    assert "Give lower-case letters and digits, with single hyphens between them, such as acme-2." in said
    await command.done("workspace", "register", "acme", *registering)
    said = await command.refused("member", "role", "acme", "ada@acme.example", "admin")
    assert "See: keyledger member list SLUG" in said


async def test_an_empty_secret_is_refused_before_anything_is_sent() -> None:
    """Nothing on standard input is no secret; neither is an unreadable file."""
    place = ("credentials", "set", "acme", "--okta-domain", "acme.okta.com", "--client-id", "0oa1")
    assert "No client secret came in" in await LOCAL.refused(*place, stdin="\n")
    assert "cannot be read" in await LOCAL.refused(*place, "--secret-file", "/nowhere/secret")


async def test_the_secret_is_no_argument() -> None:
    """There is no option that takes the secret itself: it would stand in the process list."""
    said = await LOCAL("credentials", "set", "--help")
    assert "--secret-file" in said.out
    assert "--client-secret" not in said.out
    assert "--secret " not in said.out


@pytest.mark.parametrize(
    "verb",
    [
        "workspace register", "workspace show", "workspace list", "workspace readiness", "workspace plan", "show",
        "setup-link revoke", "restored",
        "domain add", "domain remove", "domain verify", "jit on", "jit off", "credentials set", "credentials stage",
        "credentials promote", "credentials rollback", "credentials discard", "credentials remove", "sso enable",
        "sso disable", "enforce on", "enforce off", "bypass grant", "bypass revoke", "invite", "invitation list",
        "invitation revoke", "member list", "member role", "member deactivate", "member reactivate", "history", "diff",
        "sign-ins", "sign-in explain", "export", "serve", "demo", "migrate", "token create", "token revoke",
        "token list", "what-if", "webhook add",
        "webhook list", "webhook remove", "webhook dead-letters", "webhook replay",
        "verify", "rebuild", "rotate-keys", "check", "checkpoint", "rotate-signing-key",
    ],
)  # fmt: skip
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    """--help says what the verb does and shows a command that works."""
    said = CliRunner().invoke(keyledger, [*verb.split(), "--help"], env={"COLUMNS": "200"})
    assert said.exit_code == 0
    assert f"keyledger {verb}" in said.output
