"""``keyledger restored`` names each workspace whose links and codes it could not revoke, and does all the others."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from support.command_line import CommandLine
from support.database import Pool
from support.identity_world import TurnedClock, World
from support.newer import paint

from events.catalogue.access import SetupLinkIssued
from events.catalogue.instants import write_instant
from events.store import EventStore
from service.identity.setup_link import find_link, new_setup_token, setup_token_hash

REASON = ("--reason", "disk lost")


@pytest.fixture
async def links(pool: Pool) -> dict[str, str]:
    """The tokens of three workspaces' set-up links, which a backup brought back, by workspace."""
    world = World(pool, clock=TurnedClock(datetime.now(UTC)))
    tokens = {}
    for slug in ("acme", "beta", "gamma"):
        await world.register(slug)
        tokens[slug] = new_setup_token(slug)
        ends = write_instant(world.clock.now + timedelta(hours=1))
        link = SetupLinkIssued(link_id=str(uuid4()), token_hash=setup_token_hash(tokens[slug]), expires_at=ends)
        await world.append(slug, [link])
    return tokens


async def opens(pool: Pool, token: str) -> bool:
    return await find_link(pool, token, datetime.now(UTC)) is not None


async def test_a_workspace_with_an_event_of_a_newer_program_is_named_and_the_others_are_done(
    operator: CommandLine, pool: Pool, links: dict[str, str]
) -> None:
    """Exit code 1, one sentence and no traceback; its link opens nothing meanwhile."""
    position = await paint(EventStore(pool), await World(pool).workspace("beta"))
    run = await operator("restored", *REASON)
    assert run.code == 1
    assert "recovery codes of 2 workspaces" in run.out
    sentence, place = run.err.strip().splitlines()[-2:]
    assert "of 1 workspace was not made void" in sentence
    assert "keyledger restored once more" in sentence
    assert "[workspace_parked]" in sentence
    assert f"beta: this version cannot read its WorkspacePainted at position {position}" in place
    assert "Traceback" not in run.err
    assert not run.err.startswith("{")
    assert [await opens(pool, token) for token in links.values()] == [False, False, False]
    types = await World(pool).event_types("$system")
    assert types.count("LogRestored") == 1


async def test_a_workspace_whose_row_is_not_at_its_streams_version_is_named_with_what_to_run(
    operator: CommandLine, pool: Pool, owner_pool: Pool, links: dict[str, str]
) -> None:
    """One that is missing counts as well. After the rebuild that it names, the second run leaves nothing."""
    await owner_pool.execute("update projection.connections set version = version - 1 where slug = 'acme'")
    await owner_pool.execute("delete from projection.connections where slug = 'gamma'")
    run = await operator("restored", *REASON, "--json")
    assert (run.code, run.json["workspaces"], run.json["left"]["count"]) == (1, 1, 2)
    assert [one["workspace"] for one in run.json["left"]["first"]] == ["acme", "gamma"]
    assert all("keyledger rebuild connections" in one["problem"] for one in run.json["left"]["first"])
    assert "Traceback" not in run.err
    await operator.done("rebuild", "connections")
    assert await opens(pool, links["acme"]), "which is why the second run is asked for"
    again = (await operator.done("restored", *REASON, "--json")).json
    assert (again["workspaces"], again["left"]["count"]) == (2, 0)
    assert [await opens(pool, token) for token in links.values()] == [False, False, False]


async def test_a_workspace_of_which_only_the_log_was_restored_is_named(
    operator: CommandLine, pool: Pool, owner_pool: Pool, links: dict[str, str]
) -> None:
    await owner_pool.execute("delete from identity.workspaces where slug = 'beta'")
    run = await operator("restored", *REASON, "--json")
    assert (run.code, run.json["workspaces"]) == (1, 2)
    (left,) = run.json["left"]["first"]
    assert left["workspace"] == "beta"
    assert "Restore the whole backup" in left["problem"]
    assert await opens(pool, links["acme"]) is False
