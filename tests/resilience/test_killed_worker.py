"""A process that dies in the middle of its work takes nothing with it that was acknowledged, and nobody else."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import asyncpg
import pytest
from support.fleet import Fleet, Instance, command_line, descendants, end_of, fleet, kill
from support.load import Load, load
from support.visits import SLUG, Api, GatedProvider, begin, browser, gated_provider, opens

from service.embedded import socket_url

KILLS = 3
ANSWERS_MEANWHILE = 5
CLOSES_WITHIN_S = 10


@dataclass(frozen=True)
class Scene:
    """A service, a workspace that signs in at the provider, and a client."""

    fleet: Fleet
    service: Instance
    provider: GatedProvider
    http: aiohttp.ClientSession
    api: Api

    async def rows(self, statement: str) -> list[asyncpg.Record]:
        """Ask the database."""
        connection = await asyncpg.connect(socket_url(self.fleet.directory / "data" / "run", "postgres"))
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()


@pytest.fixture
def own_fleet() -> Iterator[Fleet]:
    """Processes on a fresh data directory, with the embedded PostgreSQL."""
    with fleet() as made:
        yield made


@pytest.fixture
async def scene(own_fleet: Fleet) -> AsyncIterator[Scene]:
    """Two workers and their supervisor."""
    service = own_fleet.start(WORKERS="2")
    await service.ready()
    async with gated_provider() as provider, browser() as http:
        api = Api(http, await own_fleet.token())
        await api.set_up(service.url, provider.issuer)
        yield Scene(own_fleet, service, provider, http, api)


async def kill_one(scene: Scene) -> None:
    """Kill a worker in the middle of what it does; the other one answers until a new one is there."""
    before = await scene.service.has_workers(2)
    for pid in before:
        await scene.service.is_listening(pid)
    victim = min(before)
    kill(victim)
    await end_of(victim)
    answered = 0
    while len(scene.service.workers() - {victim}) < 2:
        async with scene.http.get(f"{scene.service.url}/healthz") as answer:
            assert answer.status == 200
            answered += 1
    assert answered >= ANSWERS_MEANWHILE
    await scene.service.is_listening((scene.service.workers() - before).pop())


async def closed(http: aiohttp.ClientSession, service: Instance) -> None:
    """Wait until nobody listens at the port any more; until then every sign-in is begun."""
    with suppress(aiohttp.ClientConnectionError):
        async with asyncio.timeout(CLOSES_WITHIN_S):
            while True:
                await begin(http, service.url, "grace")


async def history_is_whole(scene: Scene, done: Load) -> None:
    history = await scene.api.items(f"{scene.service.url}/api/v1/workspaces/{SLUG}/events")
    assert [event["version"] for event in history] == list(range(1, len(history) + 1))
    times_recorded = Counter(event["event_id"] for event in history)
    acknowledged = [event["event_id"] for event in done.acknowledged]
    assert len(set(acknowledged)) == len(acknowledged)
    assert {times_recorded[event_id] for event_id in acknowledged} == {1}
    written = [(event["type"], event["data"]) for event in history if event["data"].get("domain", "")[:5] == "grace"]
    assert len(written) == len(acknowledged)
    code, out, err = await scene.fleet.run("verify")
    assert code == 0, out + err


async def nobody_came_in_twice(scene: Scene, done: Load) -> None:
    for _ in range(2):
        for name, visit in done.visits:
            answer = await visit.come_back(scene.http, scene.service.url)
            if answer.session is not None:
                done.signed_in.append((name, answer))
    assert max(len(visit.sessions) for _, visit in done.visits) == 1
    rows = await scene.rows("select email, request_id from identity.sign_ins where reason = 'ok'")
    told = Counter(row["request_id"] for row in rows)
    assert {told[answer.request_id] for _, answer in done.signed_in} == {1}
    logged = Counter(row["email"].partition("@")[0] for row in rows)
    tried, opened = Counter(name for name, _ in done.visits), Counter(name for name, _ in done.signed_in)
    assert not [name for name in tried if not opened[name] <= logged[name] <= tried[name]]


async def test_killing_workers_loses_nothing_doubles_nothing_and_stops_nobody(scene: Scene) -> None:
    async with load(scene.http, scene.api, scene.service.url) as done:
        for _ in range(KILLS):
            await kill_one(scene)
    assert not done.unexpected
    assert done.statuses[503] == 0
    assert len(done.acknowledged) > 10
    assert len(done.signed_in) > 20
    await history_is_whole(scene, done)
    await nobody_came_in_twice(scene, done)
    twice = "select email_key from identity.members group by 1 having count(*) > 1"
    assert await scene.rows(twice) == []
    assert all([await opens(scene.http, scene.service.url, answer.session or "") for _, answer in done.signed_in])
    async with scene.http.get(f"{scene.service.url}/metrics") as answer:
        numbers = await answer.text()
    counted = next(line for line in numbers.splitlines() if line.startswith('keyledger_sign_ins_total{reason="ok"}'))
    assert float(counted.split()[1]) >= len(done.signed_in)


async def test_a_killed_supervisor_leaves_no_process_and_the_next_start_goes_on_with_the_data(scene: Scene) -> None:
    service = scene.service
    answer = await (await begin(scene.http, service.url, "ada")).come_back(scene.http, service.url)
    assert answer.session is not None
    below = descendants(service.process.pid)
    programs = b" ".join(command_line(pid) for pid in below)
    assert b"service.worker" in programs
    assert b"postgres" in programs
    kill(service.process.pid)
    await service.ended()
    await end_of(*below)
    again = scene.fleet.start(WORKERS="2")
    await again.ready()
    assert await opens(scene.http, again.url, answer.session)
    history = await scene.api.items(f"{again.url}/api/v1/workspaces/{SLUG}/events")
    assert [event["type"] for event in history][:2] == ["WorkspaceRegistered", "DomainAdded"]


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_service_told_to_end_turns_unready_and_finishes_what_it_has_begun(
    own_fleet: Fleet, workers: str
) -> None:
    service = own_fleet.start(WORKERS=workers, UNREADY_SECONDS="2")
    await service.ready()
    async with gated_provider() as provider, browser() as http:
        api = Api(http, await own_fleet.token())
        await api.set_up(service.url, provider.issuer)
        visit = await begin(http, service.url, "ada")
        provider.gate.clear()
        slow = asyncio.create_task(visit.come_back(http, service.url))
        await provider.asked.wait()
        service.process.send_signal(signal.SIGTERM)
        await service.answers("/readyz", 503)
        await begin(http, service.url, "grace")
        await closed(http, service)
        assert not slow.done()
        provider.gate.set()
        assert (await slow).session is not None
        assert await service.ended() == 0
