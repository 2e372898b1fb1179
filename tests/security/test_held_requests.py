"""Whoever holds a request open keeps no right by it: what they may is judged once the whole request is there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientError, ClientResponse
from support.browser import Browser
from support.database import Pool
from support.desks import DESK, SUPPORT, desk_site, owner, record, set_up, typed
from support.identity_world import STAFF
from support.management import OPERATOR, Management, managed
from support.site import Site

from events.catalogue.access import EnforcementEnabled, SetupLinkRevoked
from events.envelope import Actor
from events.refusals import Refusal
from events.store import EventStore
from service.api import events, reading, streaming
from service.commands.asking import Asker
from service.commands.proposals import Emission, read_changes
from service.identity.change import change_workspace
from service.identity.limited_sessions import LimitedSession, begin_limited_session
from service.identity.members import deactivate_member
from service.keys import COMMANDS
from service.tokens import revoke_token
from service.web import form

FORM = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Held:
    """A body whose end comes when the test says so. ``reading``: the service waits for it."""

    reading: asyncio.Event = field(default_factory=asyncio.Event)
    rest: asyncio.Event = field(default_factory=asyncio.Event)

    async def body(self, text: bytes) -> AsyncIterator[bytes]:
        """Send all but the last byte, and that one later."""
        yield text[:-1]
        await self.rest.wait()
        yield text[-1:]

    def told_by(self, monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
        """Hear of it when the service begins to read a body."""
        real: Callable[..., Awaitable[bytes]] = getattr(module, name)

        async def read(*arguments: object) -> bytes:
            self.reading.set()
            return await real(*arguments)

        monkeypatch.setattr(module, name, read)


@pytest.fixture
async def desk(pool: Pool) -> AsyncIterator[Site]:
    """A site whose connection is in use, and whose secrets are its own."""
    async with desk_site(pool) as made:
        yield made


@pytest.fixture
async def api(pool: Pool) -> AsyncIterator[Management]:
    """The API, and a support token."""
    async with managed(pool) as made:
        yield made


async def _post_while(
    browser: Browser, address: str, body: bytes, held: Held, meanwhile: Callable[[], Awaitable[object]]
) -> ClientResponse:
    posted = asyncio.create_task(browser.send("POST", address, headers=FORM, data=held.body(body)))
    await asyncio.wait_for(held.reading.wait(), 10)
    await meanwhile()
    held.rest.set()
    return await posted


async def _ada(site: Site) -> UUID:
    member_id = await site.world.pool.fetchval("select member_id from identity.members where email like 'ada@%'")
    return UUID(str(member_id))


async def _leave(site: Site) -> None:
    member_id = await _ada(site)
    await change_workspace(site.world.resources, "acme", STAFF, lambda change: deactivate_member(change, member_id))


async def test_an_owner_who_holds_a_form_back_until_they_have_left_lifts_nothing(
    desk: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deactivated while the form's last byte is still to come: the requirement stays."""
    browser, held = await owner(desk), Held()
    await desk.world.member("grace@acme.example", "owner")
    await desk.world.append("acme", [EnforcementEnabled()])
    await desk.world.pool.execute("update identity.identities set last_sign_in_at = now()")
    held.told_by(monkeypatch, form, "read_bounded")

    async def deactivated() -> None:
        await desk.world.pool.execute("update identity.members set status = 'deactivated' where email like 'ada@%'")

    answer = await _post_while(browser, f"{DESK}/lift", b"reason=bye", held, deactivated)
    assert answer.status == 404
    assert (await desk.world.workspace()).enforcement is not None


async def test_a_set_up_link_that_is_revoked_while_its_form_is_under_way_stages_nothing(
    desk: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, link_id = await set_up(desk)
    browser, held = desk.browser(), Held()
    await browser.submit(address)
    held.told_by(monkeypatch, form, "read_bounded")
    body = f"issuer={desk.provider.issuer}&client_id=other&client_secret=planted".encode()

    async def revoked() -> None:
        await desk.world.append("acme", [SetupLinkRevoked(link_id=link_id)])

    answer = await _post_while(browser, "/setup/desk/stage", body, held, revoked)
    assert answer.status == 410
    assert (await desk.world.workspace()).staged is None


async def test_s14_a_recovery_lasts_fifteen_minutes_however_long_its_form_takes(
    desk: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session ends while the form is still coming in: what it asks for is not done."""
    await owner(desk)
    await desk.world.append("acme", [EnforcementEnabled()])
    session = LimitedSession("recovery", "acme", await _ada(desk), desk.world.clock.now + timedelta(minutes=15))
    browser, held = desk.browser(), Held()
    token = await begin_limited_session(desk.world.pool, session, desk.world.clock.now)
    browser.cookies["__Host-keyledger-recovery"] = token
    held.told_by(monkeypatch, form, "read_bounded")

    async def an_hour_passes() -> None:
        desk.world.clock.now += timedelta(hours=1)

    answer = await _post_while(browser, "/recovery/desk/lift", b"reason=late", held, an_hour_passes)
    assert answer.status == 410
    assert (await desk.world.workspace()).enforcement is not None


@pytest.mark.parametrize("role", ["owner", "recovery"])
async def test_whether_a_member_still_is_an_owner_is_judged_with_the_change_itself(desk: Site, role: str) -> None:
    """Under the workspace's lock: between the look at a session and the change there is always some time."""
    await owner(desk)
    member_id, app = await _ada(desk), desk.client.app
    assert app is not None
    asker = Asker(Actor("member", str(member_id)), "req_1", "owner" if role == "owner" else "recovery")
    changes = read_changes([Emission(type="CredentialsDiscarded")], listed=False)
    await record(desk, "CredentialsStaged", typed(desk, "another"))
    await desk.world.pool.execute("update identity.members set role = 'admin' where member_id = $1", member_id)
    with pytest.raises(Refusal) as refused:
        await app[COMMANDS].execute("acme", changes, asker)
    assert refused.value.code == "forbidden"
    assert (await desk.world.workspace()).staged is not None


async def test_whether_a_set_up_link_still_holds_is_judged_with_the_change_itself(desk: Site) -> None:
    """Revoked, or past its end."""
    app = desk.client.app
    assert app is not None
    changes = read_changes([Emission(type="CredentialsDiscarded")], listed=False)
    await record(desk, "CredentialsStaged", typed(desk, "another"))
    _, revoked = await set_up(desk)
    _, ended = await set_up(desk)
    await desk.world.append("acme", [SetupLinkRevoked(link_id=revoked)])
    desk.world.clock.now += timedelta(days=30)
    for link_id in (revoked, ended):
        with pytest.raises(Refusal) as refused:
            await app[COMMANDS].execute("acme", changes, Asker(Actor("setup", link_id), "req_1"))
        assert refused.value.code == "forbidden"
    await app[COMMANDS].execute("acme", changes, SUPPORT)
    assert (await desk.world.workspace()).staged is None


async def test_a_token_that_is_revoked_while_its_body_is_under_way_changes_nothing(
    api: Management, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.register()
    held = Held()
    held.told_by(monkeypatch, reading, "_bounded")
    headers = {"Authorization": f"Bearer {api.token.get_secret_value()}", "Content-Type": "application/json"}
    body = b'{"type": "DomainAdded", "data": {"domain": "evil.example"}}'
    address = "/api/v1/workspaces/acme/events"
    posted = asyncio.create_task(api.client.post(address, headers=headers, data=held.body(body)))
    await asyncio.wait_for(held.reading.wait(), 10)
    await revoke_token(api.pool, api.store, "ada-support", OPERATOR)
    held.rest.set()
    assert (await posted).status == 401
    assert await api.pool.fetchval("select count(*) from ledger.events where type = 'DomainAdded'") == 0


@pytest.mark.parametrize("kind", ["log", "history"])
async def test_a_token_that_is_revoked_while_its_stream_is_under_way_reads_no_further(
    api: Management, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whoever reads slowly enough is never at the end: what is recorded after the revocation is not told to them."""
    await api.register()
    for module in (events, streaming):
        monkeypatch.setattr(module, "BATCH", 1)
    name = "read_all" if kind == "log" else "read_stream"
    real, asked = getattr(EventStore, name), 0

    async def read(store: EventStore, *arguments: Any, **options: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 1:
            await revoke_token(api.pool, api.store, "ada-support", OPERATOR)
            await api.commands.execute("acme", read_changes([Emission(type="JitDisabled")], listed=False), SUPPORT)
        return await real(store, *arguments, **options)

    monkeypatch.setattr(EventStore, name, read)
    path = "/events?after=0" if kind == "log" else "/workspaces/acme/events"
    answer = await api.call("GET", path, Accept="application/x-ndjson")
    with pytest.raises(ClientError):
        await answer.read()
    assert asked == 1
