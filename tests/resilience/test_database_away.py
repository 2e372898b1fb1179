"""A database that goes away for a while takes the service along for no longer than that."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aiohttp
import asyncpg
import pytest
from support.database import Cluster
from support.fleet import Fleet, Instance, fleet
from support.load import Load, load
from support.visits import SLUG, Api, begin, browser, gated_provider, opens

BACK_WITHIN_S = 5.0
STORMS = 10

EXPECTED = {201, 302, 303, 400, 503}
"""What people and staff may be answered: done, gone on to, an attempt that was used already, and try again."""


@dataclass(frozen=True)
class Scene:
    """A service on a PostgreSQL of its own."""

    cluster: Cluster
    superuser_dsn: str
    fleet: Fleet
    service: Instance
    http: aiohttp.ClientSession
    api: Api

    async def value(self, statement: str) -> object:
        """Ask the database."""
        connection = await asyncpg.connect(self.superuser_dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    async def holds(self, statement: str) -> None:
        """Wait until the database says so."""
        async with asyncio.timeout(BACK_WITHIN_S):
            while True:
                if await self.value(statement):
                    return
                await asyncio.sleep(0.05)


@pytest.fixture
async def scene(make_cluster: Callable[[], Cluster]) -> AsyncIterator[Scene]:
    cluster = await asyncio.to_thread(make_cluster)
    database = cluster.create_database()
    with fleet(DATABASE_URL=database.runtime_dsn, OWNER_DATABASE_URL=database.owner_dsn) as made:
        service = made.start()
        await service.ready()
        async with gated_provider() as provider, browser() as http:
            api = Api(http, await made.token())
            await api.set_up(service.url, provider.issuer)
            yield Scene(cluster, database.superuser_dsn, made, service, http, api)


async def nothing_was_lost(scene: Scene, done: Load) -> None:
    failures = [line for line in scene.service.told().splitlines() if '"request_failed"' in line]
    assert not failures, failures[0]
    assert not done.unexpected
    assert set(done.statuses) <= EXPECTED
    assert done.lost == 0
    history = await scene.api.items(f"{scene.service.url}/api/v1/workspaces/{SLUG}/events")
    times_recorded = [event["event_id"] for event in history]
    acknowledged = [event["event_id"] for event in done.acknowledged]
    assert len(acknowledged) > 10
    assert [times_recorded.count(event_id) for event_id in acknowledged] == [1] * len(acknowledged)
    assert all([await opens(scene.http, scene.service.url, answer.session or "") for _, answer in done.signed_in])
    code, out, err = await scene.fleet.run("verify")
    assert code == 0, out + err


async def refused_without_database(scene: Scene) -> str:
    """Be refused by what needs no database but a row in the log. Returns the request's id."""
    async with scene.http.get(f"{scene.service.url}/api/sso/callback/{SLUG}") as answer:
        assert answer.status == 400
        return answer.headers["X-Request-Id"]


async def page_without_database(scene: Scene, path: str, session: str = "") -> str:
    async with scene.http.get(
        f"{scene.service.url}{path}", headers={"Cookie": session}, allow_redirects=False
    ) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        return await answer.text()


async def test_a_database_that_stops_and_returns_is_waited_for_and_nothing_is_lost(scene: Scene) -> None:
    url = scene.service.url
    ada = (await (await begin(scene.http, url, "ada")).come_back(scene.http, url)).session or ""
    refused: list[str] = []
    async with load(scene.http, scene.api, url) as done:
        for stop in (scene.cluster.stop, scene.cluster.crash):
            await asyncio.to_thread(stop)
            await scene.service.answers("/readyz", 503)
            await scene.service.answers("/healthz", 200)
            assert 'data-reason="busy"' in await page_without_database(scene, "/account", ada)
            assert json.loads(await page_without_database(scene, "/api/session", ada))["code"] == "busy"
            refused.append(await refused_without_database(scene))
            await asyncio.to_thread(scene.cluster.start)
            await scene.service.answers("/readyz", 200, BACK_WITHIN_S)
            await done.goes_on(10, BACK_WITHIN_S)
    assert done.statuses[503] > 0
    await scene.holds(f"select count(*) = 2 from identity.sign_ins where request_id in {tuple(refused)}")
    followed = "select max(c.position) = max(e.position) from projection.checkpoints c, ledger.events e"
    await scene.holds(followed)
    await nothing_was_lost(scene, done)


async def test_connections_that_the_database_ends_under_load_cost_at_most_a_repetition(scene: Scene) -> None:
    ended = 0
    async with load(scene.http, scene.api, scene.service.url) as done:
        for _ in range(STORMS):
            ended += int(
                str(
                    await scene.value(
                        "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'keyledger_app'"
                    )
                )
            )
            await done.goes_on(10, BACK_WITHIN_S)
    assert ended > STORMS
    await nothing_was_lost(scene, done)
    await scene.service.ready()
