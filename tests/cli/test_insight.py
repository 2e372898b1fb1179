"""On the command line: why a sign-in went as it did, and what a change would do."""

import json
from pathlib import Path

import pytest
from support.command_line import CommandLine
from support.identity_values import Proven
from support.identity_world import World
from support.management import Management


@pytest.fixture
async def world(api: Management) -> World:
    """A workspace with SSO, in the database of the server."""
    world = World(api.pool, api.clock)
    await world.register()
    return world


async def test_a_refusal_is_explained_by_the_request_id_on_the_page(command: CommandLine, world: World) -> None:
    await world.sign_in(Proven(email="grace@foreign.example"))
    told = (await command.done("sign-in", "explain", "acme", "r-1")).out
    assert "[domain_not_allowed]" in told
    assert "The domain foreign.example was not allowed; exactly these were: acme.example." in told
    assert "staff grace" in told
    assert "What would help: " in told
    assert (await command.done("sign-in", "explain", "acme", "r-1", "--json")).json["configuration"]["version"] == 4
    assert "[not_found]" in await command.refused("sign-in", "explain", "acme", "r-2")


async def test_what_if_reads_a_file_or_standard_input_and_names_people_and_rules(
    command: CommandLine, world: World, tmp_path: Path
) -> None:
    """Exit code 1 says that it would be refused; what is no JSON is told with an example."""
    await world.sign_in()
    proposed = json.dumps({"type": "DomainRemoved", "data": {"domain": "acme.example"}})
    file = tmp_path / "proposed.json"
    file.write_text(json.dumps([{"type": "DomainAdded", "data": {"domain": "b.example"}}, json.loads(proposed)]))
    told = (await command.done("what-if", "acme", str(file))).out
    assert "newly refused" in told
    assert "ada@acme.example" in told
    assert "exactly these were: b.example." in told
    run = await command("what-if", "acme", "-", stdin='{"type": "EnforcementEnabled"}')
    assert (run.code, "[would_lock_out]" in run.out) == (1, True)
    assert "is not JSON" in await command.refused("what-if", "acme", "-", stdin="DomainAdded")
    assert (await world.event_types())[-1] == "ConnectionProven"


async def test_all_workspaces_are_listed_as_of_a_moment(command: CommandLine, api: Management) -> None:
    first = await api.register("acme")
    await api.register("beta")
    at = first["events"][0]["recorded_at"]
    assert [one["slug"] for one in (await command.done("workspace", "list", "--at", at, "--json")).json["items"]] == [
        "acme"
    ]
    assert "beta" in (await command.done("workspace", "list", "--at", "now")).out


async def test_all_sign_ins_leave_as_lines(command: CommandLine, world: World) -> None:
    """As CSV with titles, or one JSON object a line."""
    await world.sign_in()
    await world.sign_in(Proven(email="grace@foreign.example", subject="00u-grace"))
    table = (await command.done("sign-ins", "acme", "--all", "csv")).out.splitlines()
    assert table[0].startswith("id,at,method,reason")
    assert [(",ok," in line, "domain_not_allowed" in line) for line in table[1:]] == [(False, True), (True, False)]
    lines = (await command.done("sign-ins", "acme", "--all", "ndjson")).out.splitlines()
    assert [json.loads(line)["reason"] for line in lines] == ["domain_not_allowed", "ok"]
