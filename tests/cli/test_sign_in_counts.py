"""On the command line: how many sign-ins there were, also of days that the log has no more."""

from datetime import timedelta

import pytest
from support.command_line import CommandLine
from support.identity_world import World
from support.management import Management

from service.identity.housekeeping import Housekeeping


@pytest.fixture
async def world(api: Management) -> World:
    """A workspace with SSO, in the database of the server."""
    world = World(api.pool, api.clock)
    await world.register()
    return world


async def test_sign_ins_are_counted_after_they_were_removed(
    command: CommandLine, api: Management, world: World
) -> None:
    await world.sign_in()
    removed = (await world.sign_in()).sign_in_id
    api.clock.turn(days=2)
    await Housekeeping(api.pool, api.clock, timedelta(days=1)).tidy_up()
    told = (await command.done("sign-ins", "acme", "--counts")).out.splitlines()
    assert told[0].split() == ["DAY", "(UTC)", "METHOD", "OUTCOME", "BEGUN", "BY", "COUNT"]
    assert told[1].split() == ["2026-11-25", "sso", "ok", "app", "2"]
    answer = (await command.done("sign-ins", "acme", "--counts", "--from", "2026-11-25", "--json")).json
    assert (answer["from"], [one["count"] for one in answer["items"]]) == ("2026-11-25", [2])
    none = await command.done("sign-ins", "acme", "--counts", "--from", "2026-01-01", "--to", "2026-01-02")
    assert none.out.strip() == "No sign-ins from 2026-01-01 to 2026-01-02."
    assert "[sign_in_removed]" in await command.refused("sign-in", "explain", "acme", str(removed))


async def test_days_belong_to_counts(command: CommandLine, world: World) -> None:
    """What would be left out without a word is refused instead."""
    for wrong in (("--from", "2026-11-25"), ("--to", "2026-11-25")):
        assert (await command("sign-ins", "acme", *wrong)).code == 2
    assert "[data_invalid]" in await command.refused("sign-ins", "acme", "--counts", "--from", "2026-02-30")
