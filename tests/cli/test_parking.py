"""On the command line: what is parked, taking it up again, and what a rebuild says of it."""

import pytest
from support.command_line import CommandLine
from support.database import Pool
from support.ledger import register
from support.management import Management
from support.newer import paint

from events.store import EventStore
from projections.projector import Projector
from projections.timeline import Timeline


@pytest.fixture
async def position(api: Management) -> int:
    """A parked workspace beside another."""
    store = EventStore(api.pool)
    await register(store, "beta")
    position = await paint(store, await register(store, "acme"))

    async def at_once(_: float) -> None:
        return None

    await Projector(store, Timeline(), sleep=at_once).catch_up()
    return position


async def test_what_is_parked_is_listed_and_stays_until_the_cause_is_mended(
    command: CommandLine, operator: CommandLine, position: int, pool: Pool
) -> None:
    """It is named by position and cause; once an event can be read, its workspace is followed again."""
    listed = (await command.done("parked")).out
    assert "acme" in listed
    assert str(position) in listed
    assert "WorkspacePainted" in listed
    assert "parked from position" in (await command.done("history")).err
    assert (
        f"acme is parked, and shown as it was before position {position}"
        in (await command.done("workspace", "list")).err
    )
    checked = await operator("check")
    assert (checked.code, "cannot read its WorkspacePainted: the workspace is parked" in checked.out) == (1, True)
    still = await operator("unpark", "acme")
    assert (still.code, "acme stays parked in timeline_v1" in still.out) == (1, True)
    assert "beta is not parked" in (await operator.done("unpark", "beta")).out
    # Another cause, which is gone by now.
    await pool.execute("update projection.parked set stream_id = 'beta', position = 1")
    assert "beta is followed again" in (await operator.done("unpark")).out
    assert "Nothing is parked" in (await command.done("parked")).out


@pytest.mark.parametrize("projection", ["connections", "timeline"])
async def test_a_rebuild_that_meets_such_an_event_says_so_in_one_sentence(
    operator: CommandLine, position: int, projection: str
) -> None:
    """The live read model stays; no traceback."""
    said = await operator.refused("rebuild", projection)
    assert f"{projection} stays as it is" in said
    assert "WorkspacePainted" in said
    assert "[workspace_parked]" in said
    assert position
