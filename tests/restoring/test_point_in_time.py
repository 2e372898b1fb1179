"""The database is taken back to a moment under a running instance, as service/BACKUP.md describes it."""

import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.archiving import ArchivingServer, archiving_server
from support.fleet import Fleet, Instance, fleet
from support.visits import SLUG, Api, GatedProvider, Visit, begin, browser, gated_provider, opens

NOTICED_WITHIN_S = 3.0
"""From the moment at which the restored server takes connections: to connect anew, and to ask once."""

OTHER_KEY = base64.b64encode(os.urandom(32)).decode()


@dataclass(frozen=True)
class Scene:
    """A service on a server that archives; checkpoints go to a directory of their own."""

    server: ArchivingServer
    fleet: Fleet
    service: Instance
    http: aiohttp.ClientSession
    api: Api
    provider: GatedProvider
    published: Path

    async def record(self, type_: str, data: dict[str, str] | None = None, slug: str = SLUG) -> Any:
        """Record one event, and return what was answered."""
        path = f"{self.service.url}/api/v1/workspaces/{slug}/events"
        return await self.api.done("POST", path, {"type": type_, "data": data or {}, "reason": "a test"})

    async def initiate(self, slug: str) -> int:
        """Return how a start of a sign-in is answered."""
        async with self.http.get(f"{self.service.url}/api/sso/initiate/{slug}", allow_redirects=False) as answer:
            return answer.status

    async def feed(self, query: str) -> tuple[int, str, str]:
        """Read the log. Returns the status, the epoch and the text."""
        headers = {"Authorization": f"Bearer {self.api.token}"}
        async with self.http.get(f"{self.service.url}/api/v1/events?{query}", headers=headers) as answer:
            return answer.status, answer.headers.get("Keyledger-Epoch", ""), await answer.text()

    async def readiness(self) -> Any:
        """Return what readiness says of the log."""
        async with self.http.get(f"{self.service.url}/readyz") as answer:
            return (await answer.json())["checks"]["log"]

    async def done(self, *arguments: str, **environment: str) -> str:
        """Run a command that has to end with 0, and return what it printed."""
        code, out, err = await self.fleet.run(*arguments, **environment)
        assert code == 0, (arguments, out, err)
        return out


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    published = tmp_path / "checkpoints"
    with archiving_server() as server:
        settings = {
            "DATABASE_URL": server.runtime_url,
            "OWNER_DATABASE_URL": server.owner_url,
            "SECRET_KEYS": base64.b64encode(os.urandom(32)).decode(),
            "CHECKPOINT_DIR": str(published),
            "CHECKPOINT_SECONDS": "3600",
        }
        with fleet(**settings) as made:
            service = made.start()
            await service.ready()
            async with gated_provider() as provider, browser() as http:
                api = Api(http, await made.token())
                await api.set_up(service.url, provider.issuer)
                yield Scene(server, made, service, http, api, provider, published)


@dataclass(frozen=True)
class Lost:
    """What happened after the moment to which the database is taken back, and what holds at that moment."""

    size: int
    position: int
    moment: datetime
    seen: int
    covered: int
    session: str
    waiting: Visit


async def lose(scene: Scene) -> Lost:
    """Note the moment, and go on: another workspace, another domain, a sign-in, a checkpoint, an attempt begun."""
    size, position, moment = [
        await scene.server.value(statement)
        for statement in (
            "select count(*) from ledger.events",
            "select max(position) from ledger.events",
            "select clock_timestamp()",
        )
    ]
    await scene.api.set_up(scene.service.url, scene.provider.issuer, "globex")
    await scene.record("DomainAdded", {"domain": "lost.example"})
    grace = await (await begin(scene.http, scene.service.url, "grace")).come_back(scene.http, scene.service.url)
    assert grace.session is not None
    await scene.done("checkpoint")
    seen = await scene.server.value("select max(position) from ledger.events")
    covered = await scene.server.value("select max(size) from ledger.checkpoints")
    waiting = await begin(scene.http, scene.service.url, "ada")
    assert await scene.initiate("globex") == 302
    return Lost(size, position, moment, seen, covered, grace.session, waiting)  # type: ignore[arg-type]


async def noticed(scene: Scene, path: str) -> float:
    """Return how long after the restored server took connections the instance answers as of the restored log."""
    since = time.monotonic()
    while True:
        with suppress(aiohttp.ClientError):
            if await scene.initiate(path) == 404:
                return time.monotonic() - since
        assert time.monotonic() - since < NOTICED_WITHIN_S
        await asyncio.sleep(0.02)


async def test_a_running_instance_answers_by_the_restored_log_within_seconds_and_the_operator_goes_through_the_steps(
    scene: Scene,
) -> None:
    ada = await (await begin(scene.http, scene.service.url, "ada")).come_back(scene.http, scene.service.url)
    assert ada.session is not None
    await scene.done("checkpoint")
    await asyncio.to_thread(scene.server.base_backup)
    await scene.record("DomainAdded", {"domain": "kept.example"})
    lost = await lose(scene)
    # A code is being exchanged, and a reader waits at the end of the log, while the database is replaced.
    scene.provider.gate.clear()
    scene.provider.asked.clear()
    returning = asyncio.create_task(lost.waiting.come_back(scene.http, scene.service.url))
    await scene.provider.asked.wait()
    reading = asyncio.create_task(scene.feed(f"after={lost.seen}&wait=30"))
    await asyncio.to_thread(scene.server.take_back, f"recovery_target_time = '{lost.moment.isoformat()}'")
    waited = await noticed(scene, "globex")
    await scene.server.promoted()
    assert waited < NOTICED_WITHIN_S
    scene.provider.gate.set()
    await scene.service.says("log_went_back")
    await nobody_comes_in_on_what_is_gone(scene, lost, (await returning).request_id)
    await the_log_is_the_restored_one(scene, lost)
    assert (await reading)[0] in {412, 503}
    await the_checkpoint_tells(scene, lost)
    await the_operator_says_so(scene, lost, ada.session)


async def the_log_is_the_restored_one(scene: Scene, lost: Lost) -> None:
    assert await scene.server.value("select max(position) from ledger.events") == lost.position
    shown = await scene.api.done("GET", f"{scene.service.url}/api/v1/workspaces/{SLUG}")
    assert {one["domain"] for one in shown["domains"]} == {"acme.example", "kept.example"}
    status, _, text = await scene.feed(f"after={lost.seen}")
    assert (status, json.loads(text)["code"]) == (412, "version_conflict")
    assert f"ends at position {lost.position}" in text
    assert not await opens(scene.http, scene.service.url, lost.session)
    told = await scene.readiness()
    assert told["ok"] is False
    assert "keyledger restored" in told["problem"]
    await scene.done("verify")
    await scene.done("check")


async def nobody_comes_in_on_what_is_gone(scene: Scene, lost: Lost, request_id: str) -> None:
    """The attempt that was on its way is judged by the configuration that is there now."""
    row = await scene.server.value(
        f"select config_version from identity.sign_ins where request_id = '{request_id}' and reason = 'ok'"
    )
    version = await scene.server.value(f"select version from ledger.streams where stream_id = '{SLUG}'")
    assert row in {None, version}
    assert await scene.server.value("select count(*) from identity.members where email like 'grace@%'") == 0
    assert await scene.server.value(f"select count(*) from ledger.events where position > {lost.position}") == 0


async def the_checkpoint_tells(scene: Scene, lost: Lost) -> None:
    """What is missing, to the event; and the directory of the log that was is not written into."""
    code, out, _ = await scene.fleet.run("verify", "--since", str(scene.published), "--json")
    told = json.loads(out)
    missing = told["missing"]
    assert (code, told["kind"], told["position"]) == (1, "restored", lost.position + 1)
    assert (missing["events"], missing["first"]) == (lost.covered - lost.size, lost.size)
    assert (missing["last"], missing["size"]) == (lost.covered - 1, lost.covered)
    assert (missing["after"], missing["until"]) == (lost.position, lost.seen)
    assert missing["kept_in"].endswith(f"{lost.covered:019d}.checkpoint")
    code, out, _ = await scene.fleet.run("verify", "--since", str(scene.published))
    assert code == 1
    assert f"Missing: {lost.covered - lost.size} events, the leaves {lost.size} to {lost.covered - 1}" in out
    assert "What to do: restore a later backup" in out
    code, _, err = await scene.fleet.run("checkpoint")
    assert (code, "a new log needs a new directory" in err) == (1, True)


async def the_operator_says_so(scene: Scene, lost: Lost, session: str) -> None:
    """A new epoch, in which everything goes on; what was handed out before is void, and secrets open as before."""
    assert await opens(scene.http, scene.service.url, session), "until then the backup's sessions are good"
    _, epoch, _ = await scene.feed("")
    await scene.done("restored", "--reason", "taken back to before a mistake")
    assert not await opens(scene.http, scene.service.url, session)
    assert (await scene.feed(""))[0] == 401
    after = replace(scene, api=Api(scene.http, await scene.fleet.token("support")))
    assert (await after.readiness())["ok"] is True
    status, _, text = await after.feed(f"after=1&epoch={epoch}")
    assert (status, "Read the log anew" in text) == (412, True)
    recorded = await after.record("DomainAdded", {"domain": "later.example"})
    assert recorded["events"][0]["position"] > lost.position
    # An attempt knows the second in which it began, and of the restore's own second it is taken for an earlier one.
    next_second = "date_trunc('second', max(began_at)) + interval '1 second'"
    await scene.server.value(f"select pg_sleep_until({next_second}) is null from ledger.epochs")
    again = await (await begin(scene.http, scene.service.url, "ada")).come_back(scene.http, scene.service.url)
    assert again.session is not None, again.text
    elsewhere = {"KEYLEDGER_CHECKPOINT_DIR": str(scene.published.with_name("after-restore"))}
    await scene.done("checkpoint", **elsewhere)
    await scene.done("verify", "--since", elsewhere["KEYLEDGER_CHECKPOINT_DIR"])
    code, out, _ = await scene.fleet.run("verify", "--since", str(scene.published))
    assert (code, "An operator has said so since: taken back to before a mistake" in out) == (1, True)
    code, _, err = await scene.fleet.run("rotate-keys", KEYLEDGER_SECRET_KEYS=OTHER_KEY)
    assert code == 1
    assert "is not among KEYLEDGER_SECRET_KEYS" in err
