"""Credentials are replaced, set-up links given and taken back, and exceptions made, by the command line alone."""

from datetime import timedelta

import pytest
from support.command_line import CommandLine
from support.identity_world import World
from support.management import Management
from support.provider import FakeProvider

from events.commands.credentials import ProveConnection
from events.envelope import Actor
from service.commands.asking import Asker
from service.commands.proposals import Change, Explanation
from service.identity.setup_link import find_link

SECRET = "planted-s3cret/+:%"
SYSTEM = Asker(Actor("system", "tests"))


async def prove(api: Management, credentials_id: str) -> None:
    """Have a test sign-in through these credentials recorded."""
    command = ProveConnection(credentials_id=credentials_id, by="test")
    await api.commands.execute("acme", [Change(command, Explanation())], SYSTEM)


async def test_credentials_are_staged_promoted_rolled_back_and_discarded(command: CommandLine, api: Management) -> None:
    await api.register()
    async with FakeProvider(client_secret=SECRET) as provider:
        place = ("--issuer", provider.issuer, "--client-id")
        await command.done("credentials", "set", "acme", *place, "first", stdin=SECRET)
        staged = await command.done("credentials", "stage", "acme", *place, "second", stdin=SECRET)
        assert "keyledger credentials promote acme" in staged.err
        assert SECRET not in staged.out + staged.err
        assert "[not_proven]" in await command.refused("credentials", "promote", "acme")
        shown = await api.get("/workspaces/acme")
        await prove(api, shown["staged"]["id"])
        promoted = await command.done("credentials", "promote", "acme", "--reason", "the old secret ends")
        assert "CredentialsPromoted" in promoted.out
        assert (await api.get("/workspaces/acme"))["credentials"]["client_id"] == "second"
        await command.done("credentials", "rollback", "acme", "--reason", "not yet")
        assert (await api.get("/workspaces/acme"))["credentials"]["client_id"] == "first"
        assert "[not_ready]" in await command.refused("credentials", "rollback", "acme")
        await command.done("credentials", "stage", "acme", *place, "third", stdin=SECRET)
    await command.done("credentials", "discard", "acme", "--reason", "mistyped")
    assert (await api.get("/workspaces/acme"))["staged"] is None
    assert "Nothing to change" in (await command.done("credentials", "discard", "acme")).out


async def test_a_set_up_link_is_printed_alone_and_taken_back_by_its_id_or_with_all(
    command: CommandLine, api: Management
) -> None:
    await api.register()
    issued = [await command.done("setup-link", "acme", "--hours", "2", "--reason", "asked for") for _ in range(3)]
    tokens = [one.out.strip().removeprefix("https://id.example.com/setup/") for one in issued]
    found = [await find_link(api.pool, token, api.clock()) for token in tokens]
    first = found[0]
    assert first is not None
    assert f"keyledger setup-link revoke acme {first.link_id}" in issued[0].err
    revoked = await command.done("setup-link", "revoke", "acme", str(first.link_id), "--reason", "wrong person")
    assert "SetupLinkRevoked" in revoked.out
    again = await command.refused("setup-link", "revoke", "acme", str(first.link_id))
    assert "No open set-up link of acme has this ID" in again
    assert await find_link(api.pool, tokens[1], api.clock()) is not None
    all_of_them = (await command.done("setup-link", "revoke", "acme", "--all", "--json")).json
    assert [event["type"] for event in all_of_them["events"]] == ["SetupLinkRevoked"] * 2
    assert [await find_link(api.pool, token, api.clock()) for token in tokens] == [None] * 3
    assert "[not_found]" in await command.refused("setup-link", "revoke", "acme", "--all")
    assert "by its ID, or --all" in await command.mistaken("setup-link", "revoke", "acme")


async def test_a_bypass_is_granted_with_a_reason_for_72_hours_at_most_and_shown_and_revoked(
    command: CommandLine, api: Management
) -> None:
    await api.register()
    world = World(api.pool, clock=api.clock)
    await world.member("grace@acme.example")
    grant = ("bypass", "grant", "acme", "grace@acme.example")
    assert "Say why this person gets in without SSO" in await command.refused(*grant, "--hours", "72")
    await command.mistaken(*grant, "--hours", "73", "--reason", "new phone")
    await command.done(*grant, "--hours", "72", "--reason", "new phone")
    ends = (api.clock() + timedelta(hours=72)).strftime("%Y-%m-%d %H:%M:%SZ")
    assert f"grace@acme.example until {ends}: new phone" in (await command.done("show", "acme")).out
    await command.done("bypass", "revoke", "acme", "Grace@acme.example", "--reason", "found it")
    assert "grace@acme.example" not in (await command.done("show", "acme")).out
    assert "Nothing to change" in (await command.done("bypass", "revoke", "acme", "grace@acme.example")).out


@pytest.mark.parametrize("status", [None, "deactivated"])
async def test_a_bypass_is_for_active_members_alone(command: CommandLine, api: Management, status: str | None) -> None:
    await api.register()
    if status is not None:
        await World(api.pool, clock=api.clock).member("hedy@acme.example")
        await api.pool.execute("update identity.members set status = $1", status)
    said = await command.refused("bypass", "grant", "acme", "hedy@acme.example", "--reason", "new phone")
    assert "[member_unknown]" in said
    assert "nobody active here has this address. Invite them instead." in said
    assert (await api.get("/workspaces/acme"))["bypasses"] == []
