"""Whoever follows the log notices when it went back, and never goes on as if nothing were missing.

The log alone goes back here, and grows beyond where it was: the worst that a restore of a part of the database does.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.database import Pool, TestDatabase
from support.identity_world import KEY
from support.management import Management, managed
from support.proof import notary_of
from support.setbacks import remembered

from events.intake import LogDoesNotHold
from events.store import EventStore
from projections.projection import LogWentBack
from projections.projector import Projector
from projections.rebuild import rebuild
from projections.timeline import Timeline, read_timeline
from service.api.events import LONGEST_WAIT_S
from service.cookiebox import CookieBox
from service.db import borrowed
from service.keys import NEW_EVENTS
from service.new_events import NewEvents
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy
from service.webhooks.sender import WebhookSender


@pytest.fixture
async def api(pool: Pool) -> AsyncIterator[Management]:
    async with managed(pool) as made:
        await made.register()
        yield made


async def grow(api: Management, times: int, prefix: str) -> None:
    """Record so many events of acme."""
    for number in range(times):
        await api.record("acme", "DomainAdded", {"domain": f"{prefix}{number}.example"})


async def test_a_reader_that_waits_while_the_log_goes_back_is_told_and_gets_nothing_of_the_other_history(
    api: Management, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its position is there again, and something came after it: only the event that stood there tells."""
    looked = asyncio.Event()
    whole = api.store.read_all

    async def looking(*arguments: Any, **more: Any) -> Any:
        found = await whole(*arguments, **more)
        looked.set()
        return found

    async with remembered(database) as past:
        await grow(api, 2, "lost")
        head = await api.store.head()
        monkeypatch.setattr(api.store, "read_all", looking)
        waiting = asyncio.create_task(api.get(f"/events?after={head.position}&wait={LONGEST_WAIT_S}", 412))
        await looked.wait()
        await past.return_to()
        await grow(api, 3, "other")
        assert (await api.store.head()).position == head.position + 1
        api.client.app[NEW_EVENTS].ring()
        problem = await asyncio.wait_for(waiting, 10)
        assert problem["code"] == "version_conflict"
        assert "Read the log anew" in problem["detail"]


async def test_a_reader_beyond_the_end_of_the_log_is_told(api: Management, database: TestDatabase) -> None:
    """It would wait until the log has grown past what was lost, and miss all that came until then."""
    async with remembered(database) as past:
        before = (await api.store.head()).position
        await grow(api, 2, "lost")
        seen = (await api.store.head()).position
        assert (await api.call("GET", f"/events?after={seen}")).status == 200
        await past.return_to()
        problem = await api.get(f"/events?after={seen}", 412)
        assert f"ends at position {before}, before position {seen}" in problem["detail"]


async def test_a_projection_that_is_ahead_of_the_log_is_found_however_long_the_log_is_by_then_and_mended_by_a_rebuild(
    api: Management, database: TestDatabase, owner_pool: Pool
) -> None:
    projector = Projector(api.store, Timeline())
    async with remembered(database) as past:
        await grow(api, 2, "lost")
        await projector.catch_up()
        await past.return_to()
        with pytest.raises(LogWentBack, match="Run `keyledger rebuild timeline`"):
            await projector.step()
        await grow(api, 4, "other")
        running = asyncio.create_task(projector.run())
        async with asyncio.timeout(10):
            while "rebuild timeline" not in str((await projector.probe()).get("problem")):  # noqa: ASYNC110 - a loop
                await asyncio.sleep(0.01)
        running.cancel()
        await rebuild(EventStore(owner_pool), Timeline())
        assert await projector.catch_up() == 0
        entries = await read_timeline(api.pool, "acme")
        events = await api.store.read_stream("acme")
        assert [entry.event_id for entry in reversed(entries)] == [event.event_id for event in events]


async def test_a_webhook_that_is_ahead_of_the_log_is_taken_back_to_its_end(
    api: Management, database: TestDatabase
) -> None:
    operator = await api.new_token("operator", "operator")
    async with ProviderClient(ProviderPolicy(), clock=api.clock) as http, remembered(database) as past:
        sender = WebhookSender(api.pool, CookieBox([KEY]), api.clock, http, NewEvents())
        await api.post("/webhooks", {"url": "https://hooks.example.net/k"}, 201, **operator)
        await grow(api, 3, "lost")
        async with borrowed(api.pool) as connection:
            await sender._take_in(connection)
            await past.return_to()
            await sender._take_in(connection)
            await grow(api, 4, "other")
            await sender._take_in(connection)
        positions = await api.pool.fetch("select position from identity.webhook_messages order by position")
        events = await api.pool.fetch("select position from ledger.events where stream_id = 'acme' order by position")
        assert [row["position"] for row in positions] == [row["position"] for row in events][-4:]


async def test_the_notary_signs_nothing_of_a_log_that_is_not_the_one_of_its_tree(
    api: Management, database: TestDatabase
) -> None:
    """Its tree is ahead of the log, and the log grows beyond that: neither is signed."""
    notary = notary_of(api.pool)
    await notary.make()
    async with remembered(database) as past:
        await grow(api, 2, "lost")
        ahead = await notary.make()
        await past.return_to(tree_stays=True)
        with pytest.raises(LogDoesNotHold):
            await notary.make()
        await grow(api, 4, "other")
        with pytest.raises(LogDoesNotHold):
            await notary.make()
        assert await api.pool.fetchval("select max(size) from ledger.checkpoints") == ahead.checkpoint.size
