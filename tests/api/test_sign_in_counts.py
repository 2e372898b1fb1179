"""How many sign-ins there were is answered alike before and after the log forgot them."""

from datetime import timedelta
from typing import Any

import pytest
from support.database import Pool
from support.identity_world import World
from support.management import Management, managed

from service.identity.housekeeping import Housekeeping
from service.identity.sign_in_log import SignIn, record
from service.metrics import Metrics

COUNTS = "/workspaces/acme/sign-ins/counts"


@pytest.fixture
async def world(api: Management) -> World:
    """A workspace with SSO, in the database of the API under test."""
    world = World(api.pool, api.clock)
    await world.register()
    return world


async def write(api: Management, days: int, **changes: Any) -> int:
    """Write a row of so many days ago."""
    values = {"workspace": "acme", "method": "sso", "reason": "ok", "request_id": f"req_{days}", **changes}
    return await record(api.pool, SignIn(at=api.clock.now - timedelta(days=days), **values))


async def forget(api: Management, days: int = 7) -> None:
    """Have the log forget what is older."""
    assert await Housekeeping(api.pool, api.clock, timedelta(days=days)).tidy_up()


async def test_counts_are_by_day_method_outcome_and_start_and_stay_what_they_were(
    api: Management, world: World
) -> None:
    for days in (0, 6, 7, 7, 29, 30):
        await write(api, days, initiated_by="okta")
    await write(api, 7, method="magic_link", reason="method_not_allowed")
    before = await api.get(COUNTS)
    assert (before["from"], before["to"]) == ("2026-10-27", "2026-11-25")
    kinds = [tuple(one.values()) for one in before["items"]]
    assert kinds == [
        ("2026-10-27", "sso", "ok", "okta", 1),
        ("2026-11-18", "magic_link", "method_not_allowed", None, 1),
        ("2026-11-18", "sso", "ok", "okta", 2),
        ("2026-11-19", "sso", "ok", "okta", 1),
        ("2026-11-25", "sso", "ok", "okta", 1),
    ]
    await forget(api, 6)
    assert len((await api.get("/workspaces/acme/sign-ins"))["items"]) == 2
    assert await api.get(COUNTS) == before
    asked = await api.get(f"{COUNTS}?from=2026-10-26&to=2026-10-27")
    assert [one["day"] for one in asked["items"]] == ["2026-10-26", "2026-10-27"]


async def test_counts_leave_as_a_table(api: Management, world: World) -> None:
    await write(api, 1, initiated_by="app")
    answer = await api.call("GET", COUNTS, Accept="text/csv")
    assert answer.content_type == "text/csv"
    lines = (await answer.text()).splitlines()
    assert lines == ["day,method,reason,initiated_by,count", "2026-11-24,sso,ok,app,1"]


async def test_an_auditor_reads_counts_and_another_workspaces_are_not_among_them(api: Management, world: World) -> None:
    await world.register("globex", domain="globex.example")
    await write(api, 8)
    await forget(api)
    auditor = await api.new_token("eve", "auditor")
    assert (await api.get(COUNTS, 200, **auditor))["items"][0]["count"] == 1
    assert (await api.get("/workspaces/globex/sign-ins/counts", 200, **auditor))["items"] == []
    assert (await api.get("/workspaces/nobody/sign-ins/counts", 404))["code"] == "workspace_unknown"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("from=2026-11-26&to=2026-11-25", "/to"),
        ("from=2025-11-24&to=2026-11-25", "/from"),
        ("from=20261125", "/from"),
        ("to=2026-W48-3", "/to"),
        ("to=2026-02-30", "/to"),
        ("to=9999-12-31", "/to"),
        ("from=yesterday", "/from"),
    ],
)
async def test_a_period_that_is_none_is_refused_at_its_place(
    api: Management, world: World, query: str, pointer: str
) -> None:
    problem = await api.get(f"{COUNTS}?{query}", 422)
    assert [one["pointer"] for one in problem["errors"]] == [pointer]


async def test_a_sign_in_that_was_removed_is_told_from_one_that_never_was(api: Management, world: World) -> None:
    """By its id. A request id is drawn at random, and says nothing; the answer says so."""
    old = await write(api, 8)
    kept = await write(api, 1)
    assert (await api.get(f"/workspaces/acme/sign-ins/{old}"))["sign_in"]["id"] == old
    await forget(api)
    removed = await api.get(f"/workspaces/acme/sign-ins/{old}", 410)
    assert (removed["code"], removed["kept_days"]) == ("sign_in_removed", 400)
    assert "kept for 400 days" in removed["detail"]
    assert (await api.get(f"/workspaces/acme/sign-ins/{kept}"))["sign_in"]["id"] == kept
    assert (await api.get(f"/workspaces/acme/sign-ins/{kept + 1}", 404))["code"] == "not_found"
    by_request = await api.get("/workspaces/acme/sign-ins/req_8", 404)
    assert "400 days" in by_request["detail"]


async def test_a_what_if_judges_the_sign_ins_that_are_left(api: Management, world: World) -> None:
    await world.sign_in()
    api.clock.turn(days=8)
    await forget(api)
    body = {"type": "JitDisabled"}
    answer = await api.post("/workspaces/acme/what-if", body, 200)
    assert (answer["sign_ins"]["checked"], answer["members"]["checked"]) == (0, 1)


async def test_what_is_removed_is_counted_for_operators(pool: Pool) -> None:
    async with managed(pool) as api:
        await World(api.pool, api.clock).register()
        for days in (8, 9):
            await write(api, days)
        metrics = Metrics()
        await Housekeeping(api.pool, api.clock, timedelta(days=7), metrics.removed).tidy_up()
        assert b'keyledger_removed_rows_total{what="sign-ins"} 2.0' in metrics.exposition()
