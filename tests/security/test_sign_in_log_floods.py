"""What strangers can have written into a workspace's sign-in log."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.database import Pool
from support.identity_values import NOW
from support.site import Site, running_site

from service.identity.sign_in_bound import COUNTED, PEOPLE, STRANGERS, RowsAMinute
from service.identity.sign_in_log import SignIn, SignInLog
from service.keys import SIGN_IN_LOG

MADE_UP = "/api/sso/callback/acme?code=made-up&state=made-up"


def row(**changes: Any) -> SignIn:
    """Return a refused sign-in at acme."""
    values = {"at": NOW, "workspace": "acme", "method": "sso", "reason": "attempt_missing", "request_id": "req_1"}
    return SignIn(**{**values, "config_version": 4, **changes})


async def test_made_up_answers_fill_no_workspaces_log(pool: Pool) -> None:
    """So many rows a minute, and one that counts the rest; what the workspace's people see refused is there beside."""
    async with running_site(pool) as site:
        await site.connect()
        browser = site.browser()
        state = parse_qs(urlsplit(await site.to_provider(browser)).query)["state"][0]
        for _ in range(STRANGERS + 20):
            assert (await site.client.get(MADE_UP)).status == 400
        await browser.get(f"/api/sso/callback/acme?error=access_denied&state={state}")
        rows = await _written(site)
        assert [one["reason"] for one in rows].count("attempt_missing") == STRANGERS + 1
        told = [one for one in rows if one["detail"] == COUNTED]
        minute = told[0]["at"].strftime("%H:%M")
        counted = f"20 more refused in the minute from {minute} UTC, counted: attempt_missing 20."
        assert [(one["workspace"], one["explanation"]) for one in told] == [("acme", counted)]
        assert "provider_denied" in [one["reason"] for one in rows]


async def _written(site: Site) -> list[dict[str, Any]]:
    assert site.client.app is not None
    site.client.app[SIGN_IN_LOG]._count()
    return await site.sign_ins()


def test_each_minute_and_each_workspace_has_room_of_its_own() -> None:
    bound = RowsAMinute()
    assert sum(len(bound.take(row(), proven=False)) for _ in range(STRANGERS + 5)) == STRANGERS
    assert bound.take(row(workspace="globex"), proven=False) == [row(workspace="globex")]
    later = row(at=NOW + timedelta(minutes=1))
    counted, entry = bound.take(later, proven=False)
    assert (counted.detail, counted.at, entry) == (COUNTED, NOW, later)
    assert bound.rest() == []


def test_strangers_leave_room_for_whoever_began_a_sign_in() -> None:
    bound = RowsAMinute()
    for _ in range(STRANGERS + 5):
        bound.take(row(), proven=False)
    assert sum(len(bound.take(row(), proven=True)) for _ in range(PEOPLE + 5)) == PEOPLE


def test_addresses_of_no_workspace_share_one_bound() -> None:
    """Whoever makes a new one up each time has no more room."""
    bound = RowsAMinute()
    made = [row(workspace=f"w-{number}", config_version=None) for number in range(STRANGERS + 5)]
    assert sum(len(bound.take(one, proven=False)) for one in made) == STRANGERS
    assert [one.workspace for one in bound.rest()] == [""]


async def test_what_was_counted_is_written_when_the_minute_is_over(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.identity.sign_in_log.COUNT_S", 0)
    log = SignInLog(pool)
    writing = asyncio.create_task(log.run())
    for _ in range(STRANGERS + 5):
        log.record_soon(row())
    async with asyncio.timeout(20):
        while not await pool.fetchval("select count(*) from identity.sign_ins where detail = $1", COUNTED):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await pool.fetchval("select count(*) from identity.sign_ins") == STRANGERS + 1
