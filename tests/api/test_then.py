"""What was true at any moment is told exactly: to the microsecond, in any time zone, for one workspace and for all."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest
from support.ledger import register as registered
from support.management import Management

from events.store import EventStore
from projections.fleet import PREFETCH, fleet_then
from service.db import transaction


def stamp(answer: Any) -> datetime:
    """Return when the last event of a change was recorded."""
    return datetime.fromisoformat(answer["events"][-1]["recorded_at"])


async def version_at(api: Management, moment: str) -> int:
    """Return which version acme had at a moment."""
    return int((await api.get(f"/workspaces/acme?at={quote(moment)}"))["version"])


async def test_an_event_holds_from_its_own_microsecond_on(api: Management) -> None:
    await api.register()
    at = stamp(await api.record("acme", "JitDisabled"))
    assert await version_at(api, at.isoformat()) == 2
    assert await version_at(api, (at - timedelta(microseconds=1)).isoformat()) == 1


async def test_a_moment_is_the_same_in_every_time_zone_and_precision(api: Management) -> None:
    """Offsets by quarter hours too; digits beyond the microsecond belong to the microsecond that they follow."""
    await api.register()
    at = stamp(await api.record("acme", "JitDisabled"))
    before = at - timedelta(microseconds=1)
    for minutes in (0, 60, -210, 345, 840, -720):
        zone = timezone(timedelta(minutes=minutes))
        assert await version_at(api, at.astimezone(zone).isoformat(timespec="microseconds")) == 2
        assert await version_at(api, before.astimezone(zone).isoformat(timespec="microseconds")) == 1
    digits = before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    assert await version_at(api, f"{digits}999Z") == 1
    assert await version_at(api, f"{digits.lower()}z") == 1


async def test_events_of_one_append_follow_one_another_in_time_as_in_place(api: Management) -> None:
    """No two events share a moment, so that position and time never disagree about what was before what."""
    await api.register()
    body = [{"type": "DomainAdded", "data": {"domain": f"a{n}.example"}} for n in range(20)]
    await api.post("/workspaces/acme/events", body)
    events = (await api.get("/workspaces/acme/events"))["items"]
    times = [one["recorded_at"] for one in events]
    assert times == sorted(set(times))
    assert [await version_at(api, one["recorded_at"]) for one in events] == [one["version"] for one in events]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
async def test_a_moment_beyond_the_calendar_is_refused_as_one_that_does_not_exist(api: Management, moment: str) -> None:
    """Wherever a moment is taken. The ends of the calendar themselves are moments like any other."""
    await api.register()
    for path in (
        "/workspaces/acme?at=",
        "/workspaces?at=",
        "/workspaces/acme/diff?from=",
        "/workspaces/acme/diff?from=1&to=",
    ):
        problem = await api.get(f"{path}{quote(moment)}", 422)
        assert problem["errors"][0]["detail"] == "This date or time does not exist."
    assert await version_at(api, "9999-12-31T23:59:59.999999Z") == 1
    assert (await api.get("/workspaces?at=0001-01-01T00:00:00Z"))["items"] == []


@pytest.mark.parametrize("version", ["0", "-1", "1_0", "1.0", "%201", "1%20", "%2B1", "", "%D9%A1", "9" * 30])
async def test_a_version_is_a_whole_number_from_one_and_nothing_else_means_one(api: Management, version: str) -> None:
    """A typo never answers for another version; what a comparison takes is told apart from a moment."""
    await api.register()
    for path in ("/workspaces/acme?version=", "/workspaces/acme/diff?from=", "/workspaces/acme/events?limit="):
        assert (await api.get(path + version, 422))["code"] == "data_invalid"
    if version.isdecimal():
        problem = await api.get(f"/workspaces/acme/diff?from={version}", 422)
        assert "Versions are whole numbers from 1" in problem["detail"]


async def test_before_the_first_event_there_was_no_workspace_anywhere(api: Management) -> None:
    at = stamp(await api.register()) - timedelta(microseconds=1)
    moment = quote(at.isoformat())
    assert (await api.get(f"/workspaces/acme?at={moment}", 404))["code"] == "workspace_unknown"
    assert (await api.get(f"/workspaces?at={moment}"))["items"] == []
    problem = await api.get(f"/workspaces/acme/diff?from={moment}", 404)
    assert problem["code"] == "workspace_unknown"


async def pages(api: Management, query: str) -> list[Any]:
    """Return all items of the list of workspaces, by pages."""
    found: list[Any] = []
    following = ""
    while True:
        page = await api.get(f"/workspaces?{query}{following}")
        found += page["items"]
        if page["next"] is None:
            return found
        following = f"&cursor={page['next']}"


async def test_all_workspaces_are_listed_as_they_were(api: Management) -> None:
    """Each in its state of then, by slug, whatever was registered or changed since; the cursor leads through once."""
    for slug in ("carrot", "acme", "beta"):
        await api.register(slug)
    at = stamp(await api.record("beta", "WorkspacePlanChanged", {"plan": "starter"}))
    now = await pages(api, "limit=2")
    await api.record("beta", "WorkspacePlanChanged", {"plan": "one"})
    await api.register("aaa")
    moment = quote(at.isoformat())
    assert await pages(api, f"at={moment}&limit=1") == await pages(api, f"at={moment}") == now
    assert [(one["slug"], one["plan"], one["version"]) for one in now] == [
        ("acme", "one", 1),
        ("beta", "starter", 2),
        ("carrot", "one", 1),
    ]


async def test_a_moment_to_come_is_the_same_on_all_pages(api: Management) -> None:
    """What is recorded while pages are turned is on none of them."""
    for slug in ("acme", "beta", "carrot"):
        await api.register(slug)
    moment = quote((datetime.now(UTC) + timedelta(days=1)).isoformat())
    first = await api.get(f"/workspaces?at={moment}&limit=1")
    await api.record("beta", "JitDisabled")
    await api.register("bella")
    second = await api.get(f"/workspaces?at={moment}&limit=5&cursor={first['next']}")
    assert [(one["slug"], one["version"]) for one in second["items"]] == [("beta", 1), ("carrot", 1)]


async def test_a_cursor_of_one_moment_leads_through_no_other(api: Management) -> None:
    for slug in ("acme", "beta"):
        await api.register(slug)
    at = quote((datetime.now(UTC) + timedelta(days=1)).isoformat())
    later = quote((datetime.now(UTC) + timedelta(days=2)).isoformat())
    first = await api.get(f"/workspaces?at={at}&limit=1")
    assert (await api.get(f"/workspaces?at={later}&cursor={first['next']}", 422))["code"] == "data_invalid"
    assert (await api.get(f"/workspaces?cursor={first['next']}", 422))["code"] == "data_invalid"


@pytest.mark.parametrize("at", [datetime(2026, 11, 25), datetime(2026, 11, 25, tzinfo=UTC)])  # noqa: DTZ001 -- refused
async def test_a_moment_without_a_zone_and_a_page_without_bounds_are_refused(api: Management, at: datetime) -> None:
    limit = 1 if at.tzinfo is None else 10_000
    async with transaction(api.pool) as connection:
        with pytest.raises(ValueError, match=r"time zone|page"):
            _ = [one async for one in fleet_then(connection, at, 1, "", limit)]


async def test_one_long_history_is_folded_by_pieces(api: Management) -> None:
    """A page holds one state and a few hundred events at a time."""
    store = EventStore(api.pool)
    state = await registered(store, "acme")
    from support.ledger import domain, record

    for start in range(0, 2 * PREFETCH, 500):
        state = await record(store, state, *(domain(number) for number in range(start, start + 500)))
    await registered(store, "beta")
    head = await store.head()
    now = datetime.now(UTC) + timedelta(minutes=1)
    async with transaction(api.pool) as connection:
        found = [one.state async for one in fleet_then(connection, now, head.position, "", 10)]
    assert [one.slug for one in found] == ["acme", "beta"]
    assert json.dumps(found[0].to_document()) == json.dumps(state.to_document())
