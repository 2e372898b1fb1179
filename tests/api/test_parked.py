"""An event that cannot be read parks its own workspace, visibly, and keeps nobody else from anything."""

from typing import Any

import pytest
from support.ledger import record, register
from support.management import Management
from support.newer import paint

from events.catalogue.configuration import JitDisabled
from events.store import EventStore
from events.workspace import FOLD_VERSION
from projections.parking import read_parked
from projections.projector import Projector
from projections.timeline import Timeline

LATER = "2999-01-01T00:00:00Z"


@pytest.fixture
async def position(api: Management) -> int:
    """Three workspaces, of which acme has an event of a newer version behind two that can be read."""
    store = EventStore(api.pool)
    acme = await record(store, await register(store, "acme"), JitDisabled())
    for slug in ("beta", "carrot"):
        await register(store, slug)
    for slug in ("acme", "beta", "carrot"):
        await api.pool.execute("insert into identity.workspaces (slug) values ($1)", slug)
    return await paint(store, acme)


async def timeline(api: Management) -> None:
    """Have the timeline follow the log to its end."""

    async def at_once(_: float) -> None:
        return None

    await Projector(EventStore(api.pool), Timeline(), sleep=at_once).catch_up()


@pytest.mark.parametrize("query", ["", f"?at={LATER}"])
async def test_all_others_are_listed_and_the_parked_one_as_it_was_before(
    api: Management, position: int, query: str
) -> None:
    """Now and as of a moment: with its last configuration that can be read, marked with what cannot."""
    items = (await api.get(f"/workspaces{query}"))["items"]
    assert [one["slug"] for one in items] == ["acme", "beta", "carrot"]
    assert items[0]["parked"] == {"position": position, "type": "WorkspacePainted", "schema_version": 1}
    assert (items[0]["version"], items[0]["name"]) == (2, "Acme")
    assert [one["parked"] for one in items[1:]] == [None, None]


@pytest.mark.parametrize("path", ["", f"?at={LATER}", "?version=3", "/diff?from=1", "/diff?from=1&to=3", "/readiness"])
async def test_what_rests_on_the_event_is_refused_by_name(api: Management, position: int, path: str) -> None:
    """One code and one sentence that say which workspace, which event, and what to do."""
    problem = await api.get(f"/workspaces/acme{path}", 503)
    assert (problem["code"], problem["position"]) == ("workspace_parked", position)
    assert f"position {position}, WorkspacePainted in schema version 1" in problem["detail"]
    assert "no other workspace is affected" in problem["detail"]


async def test_what_came_before_the_event_is_still_told(api: Management, position: int) -> None:
    """Its configuration of then, the difference between two versions, and all that needs no configuration."""
    assert (await api.get("/workspaces/acme?version=2"))["jit"]["enabled"] is False
    before = (await api.get("/workspaces/acme/events"))["items"][1]["recorded_at"]
    assert (await api.get(f"/workspaces/acme?at={before}"))["version"] == 2
    (change,) = (await api.get("/workspaces/acme/diff?from=1&to=2"))["changes"]
    assert change["path"] == "/jit/enabled"
    history = (await api.get("/workspaces/acme/events"))["items"]
    assert [(one["type"], one["position"]) for one in history][2:] == [("WorkspacePainted", position)]
    for path in ("/sign-ins", "/members", "/invitations"):
        assert (await api.get(f"/workspaces/acme{path}"))["items"] == []
    exported = await api.get("/workspaces/acme/export")
    assert len(exported["events"]) == 3


async def test_a_parked_workspace_takes_no_change_and_the_others_do(api: Management, position: int) -> None:
    problem = await api.record("acme", "JitEnabled", {"role": "viewer"}, 503)
    assert (problem["code"], problem["position"]) == ("workspace_parked", position)
    what_if = await api.post("/workspaces/acme/what-if", {"type": "JitDisabled"}, 503)
    assert what_if["code"] == "workspace_parked"
    await api.record("beta", "JitDisabled")


async def test_a_row_that_a_newer_version_wrote_for_the_same_fold_still_counts(api: Management) -> None:
    """Whoever wrote it could read the event; only what has to be replayed is parked."""
    store = EventStore(api.pool)
    position = await paint(store, await register(store, "acme"), fold_version=FOLD_VERSION)
    assert (await api.get("/workspaces/acme"))["version"] == 2
    assert (await api.get("/workspaces/acme?version=2", 503))["position"] == position


async def test_the_description_names_the_refusal_wherever_a_workspace_is_named(api: Management) -> None:
    described = await api.get("/openapi.json")
    answers = described["paths"]["/api/v1/workspaces/{slug}"]["get"]["responses"]
    assert answers["503"]["description"] == "code: busy, workspace_parked"


async def test_the_timeline_says_whose_entries_are_missing(api: Management, position: int) -> None:
    """On the page itself and in a list of their own, until somebody un-parks them."""
    await timeline(api)
    page: Any = await api.get("/timeline?workspace=acme")
    assert [one["version"] for one in page["items"]] == [2, 1]
    (told,) = page["parked"]
    assert (told["workspace"], told["position"], told["projection"]) == ("acme", position, "timeline_v1")
    assert told["parked_at"] is not None
    assert "WorkspacePainted in schema version 1 is not known here" in told["error"]
    assert (await api.get("/parked"))["items"] == [told]
    assert (await api.get("/timeline?workspace=beta"))["parked"] == []
    assert [one.stream_id for one in await read_parked(api.pool, Timeline.name)] == ["acme"]
