"""Addresses outside are told of events: in each workspace's order, again until they take it, by an operator's leave."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.database import Pool
from support.identity_world import KEY
from support.management import managed
from support.outside import Outside

from events.envelope import Actor, Recorded
from service.cookiebox import CookieBox
from service.keys import WEBHOOKS
from service.new_events import NewEvents
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy
from service.webhooks.message import body_of
from service.webhooks.registry import Webhooks
from service.webhooks.sender import PAUSES_S, WebhookSender


def seconds(number: float) -> timedelta:
    """Return so many seconds."""
    return timedelta(seconds=number)


async def test_types_choose_and_the_whole_log_holds_all_workspaces(outside: Outside) -> None:
    await outside.add(types=["JitDisabled", "JitDisabled", "WebhookAdded"])
    await outside.api.record("acme", "DomainAdded", {"domain": "acme.example"})
    await outside.api.record("globex", "JitDisabled")
    await outside.api.record("acme", "JitDisabled")
    await outside.send()
    assert sorted(outside.receiver.told) == [("acme", 3), ("globex", 2)]


async def test_a_workspace_waits_for_its_first_message_and_the_others_go_on(outside: Outside) -> None:
    """What is refused is sent again after growing pauses, under the same id; what comes after it waits."""
    outside.receiver.by_workspace["acme"] = 500
    await outside.add()
    for slug in ("acme", "globex"):
        await outside.api.record(slug, "JitDisabled")
        await outside.api.record(slug, "JitEnabled", {"role": "viewer"})
    await outside.send()
    assert sorted(outside.receiver.told) == [("acme", 2), ("globex", 2), ("globex", 3)]
    outside.api.clock.now += seconds(PAUSES_S[0] * 0.9)
    await outside.send()
    assert len(outside.receiver.got) == 3
    outside.receiver.by_workspace.clear()
    outside.api.clock.now += seconds(PAUSES_S[0])
    await outside.send()
    assert outside.receiver.told[3:] == [("acme", 2), ("acme", 3)]
    tries = [
        headers["webhook-id"] for headers, body in outside.receiver.got if b'"version":2' in body and b"acme" in body
    ]
    assert len(tries) == 2
    assert len(set(tries)) == 1


async def test_what_is_never_taken_becomes_a_dead_letter_that_can_be_replayed(outside: Outside) -> None:
    """After about three days; what came after it goes on, and a replay sends it under its old id."""
    outside.receiver.status = 503
    added = await outside.add(workspace="acme")
    await outside.api.record("acme", "JitDisabled")
    for pause in (0, *PAUSES_S):
        outside.api.clock.now += seconds(pause * 1.2)
        await outside.send()
    (dead,) = await outside.dead(added)
    assert (dead["attempts"], dead["stream_id"]) == (len(PAUSES_S) + 1, "acme")
    assert dead["last_error"] == "the receiver answered with the status 503"
    outside.receiver.status = 200
    await outside.api.record("acme", "JitEnabled", {"role": "viewer"})
    await outside.send()
    assert outside.receiver.told[-1] == ("acme", 3)
    path = f"/webhooks/{added['webhook']['id']}/dead-letters/replay"
    assert await outside.api.post(path, {"positions": [dead["position"] + 1]}, 200, **outside.operator) == {
        "replayed": 0
    }
    assert await outside.api.post(path, {}, 200, **outside.operator) == {"replayed": 1}
    await outside.send()
    assert outside.receiver.told[-1] == ("acme", 2)
    assert len({headers["webhook-id"] for headers, body in outside.receiver.got if b'"version":2' in body}) == 1
    assert await outside.dead(added) == []


async def test_an_address_that_is_gone_is_told_nothing_more_until_somebody_replays(outside: Outside) -> None:
    outside.receiver.status = 410
    added = await outside.add(workspace="acme")
    await outside.api.record("acme", "JitDisabled")
    await outside.send()
    await outside.api.record("acme", "JitEnabled", {"role": "viewer"})
    await outside.send()
    assert len(outside.receiver.got) == 1
    assert (await outside.look())["disabled_because"] == "the receiver answered with the status 410"
    outside.receiver.status = 200
    path = f"/webhooks/{added['webhook']['id']}/dead-letters/replay"
    await outside.api.post(path, {}, 200, **outside.operator)
    await outside.send()
    assert outside.receiver.told == [("acme", 2), ("acme", 2), ("acme", 3)]


async def test_a_message_that_cannot_be_made_keeps_no_others_back(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_globex(event: Recorded) -> bytes:
        if event.stream_id == "acme":
            message = "planted"
            raise LookupError(message)
        return body_of(event)

    monkeypatch.setattr("service.webhooks.sender.body_of", of_globex)
    await outside.add()
    for slug in ("acme", "globex"):
        await outside.api.record(slug, "JitDisabled")
    await outside.send()
    assert outside.receiver.told == [("globex", 2)]
    assert (await outside.look())["waiting"] == 1


async def test_a_redirect_is_not_followed(outside: Outside) -> None:
    outside.receiver.status = 302
    await outside.add(workspace="acme")
    await outside.api.record("acme", "JitDisabled")
    await outside.send()
    assert (await outside.look())["waiting"] == 1
    error = await outside.api.pool.fetchval("select last_error from identity.webhook_messages")
    assert error == "redirect_refused"


async def test_of_two_instances_one_sends(outside: Outside) -> None:
    """The other finds the lock taken, and sends nothing twice."""
    await outside.add()
    for slug in ("acme", "globex"):
        await outside.api.record(slug, "JitDisabled")
    await asyncio.gather(*(outside.send() for _ in range(4)))
    await outside.send()
    assert sorted(outside.receiver.told) == [("acme", 2), ("globex", 2)]


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.net/k",
        "https://10.0.0.1/k",
        "https://hooks.example.net:8443/k",
        "https://ada:secret@hooks.example.net/k",
        "https://localhost/k",
        "ftp://hooks.example.net",
        "https://hooks/k",
    ],
)
async def test_only_public_https_addresses_are_told_anything(pool: Pool, url: str) -> None:
    """The refusal points at the address and repeats nothing of it."""
    async with managed(pool) as api:
        operator = await api.new_token("root", "operator")
        own = api.client.app[WEBHOOKS]
        strict = Webhooks(own.pool, own.store, own.box, own.clock, ProviderPolicy())
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(api.client.app._state, WEBHOOKS, strict)
            problem = await api.post("/webhooks", {"url": url}, 422, **operator)
        assert problem["errors"][0]["pointer"] == "/url"
        assert "secret" not in str(problem)


async def test_a_name_that_leads_to_a_private_address_is_not_connected_to(outside: Outside) -> None:
    """The check is made on the address of the connection, whatever DNS answers."""
    policy = ProviderPolicy()
    await outside.add(workspace="acme")
    await outside.api.pool.execute("update identity.webhooks set url = 'https://hooks.example.net/k'")
    await outside.api.record("acme", "JitDisabled")
    async with ProviderClient(policy, clock=outside.api.clock) as http:

        async def private(*_: Any, **__: Any) -> Any:
            return [
                {"hostname": "hooks.example.net", "host": "10.1.2.3", "port": 443, "family": 2, "proto": 6, "flags": 0}
            ]

        assert http._names is not None
        http._names.resolve = private  # type: ignore[method-assign]
        sender = WebhookSender(outside.api.pool, CookieBox([KEY]), outside.api.clock, http, NewEvents())
        await sender.deliver_due()
    error = await outside.api.pool.fetchval("select last_error from identity.webhook_messages")
    assert (error, outside.receiver.got) == ("address_refused", [])


@pytest.mark.parametrize("role", ["support", "auditor"])
async def test_only_operators_read_the_part_of_an_address_that_lets_one_post_there(outside: Outside, role: Any) -> None:
    """Many receivers know their senders by a path or a query that nobody can guess."""
    await outside.add()
    (known,) = (await outside.api.get("/webhooks", **outside.operator))["items"]
    (told,) = (await outside.api.get("/webhooks", **await outside.api.new_token("eve", role)))["items"]
    parts = urlsplit(known["url"])
    assert parts.path not in {"", "/"}
    assert told["url"] == f"{parts.scheme}://{parts.netloc}/..."
    assert told | {"url": known["url"]} == known


@pytest.mark.parametrize("role", ["support", "auditor"])
async def test_only_an_operator_sends_the_log_outside(outside: Outside, role: Any) -> None:
    other = await outside.api.new_token(f"grace-{role}", role)
    added = await outside.add()
    own = f"/webhooks/{added['webhook']['id']}"
    assert (await outside.api.post("/webhooks", {"url": outside.receiver.url}, 403, **other))["code"] == "forbidden"
    assert (await outside.api.call("DELETE", own, **other)).status == 403
    assert (await outside.api.post(f"{own}/dead-letters/replay", {}, 403, **other))["code"] == "forbidden"
    assert (await outside.api.get("/webhooks", 200, **other))["items"][0]["id"] == added["webhook"]["id"]


async def test_adding_and_removing_are_events_that_name_the_host_alone(outside: Outside) -> None:
    """An address may be a secret in itself, and events cannot be erased."""
    added = await outside.add(workspace="acme", reason="their ticket system")
    answer = await outside.api.call("DELETE", f"/webhooks/{added['webhook']['id']}", **outside.operator)
    assert answer.status == 200
    events = [one for one in await outside.api.store.read_stream("$system") if one.type.startswith("Webhook")]
    assert [one.type for one in events] == ["WebhookAdded", "WebhookRemoved"]
    assert events[0].data["host"] == "127.0.0.1"
    assert "/hook" not in json.dumps([one.data for one in events])
    root = await outside.api.names.find("root")
    assert (events[0].reason, events[0].actor) == ("their ticket system", Actor("token", str(root)))
    await outside.api.record("acme", "JitDisabled")
    await outside.send()
    assert outside.receiver.got == []


async def test_after_a_restore_it_goes_on_from_where_the_histories_part(outside: Outside, owner_pool: Pool) -> None:
    await outside.add(workspace="acme")
    position = (await outside.look())["position"]
    await outside.api.pool.execute("update identity.webhooks set position = position + 1000")
    await owner_pool.execute(
        "insert into ledger.epochs (epoch, began_after, reason) values (2, $1, 'restored')", position
    )
    await outside.api.record("acme", "JitDisabled")
    await outside.send()
    assert outside.receiver.told == [("acme", 2)]


async def test_a_workspace_that_does_not_exist_has_no_webhook(outside: Outside) -> None:
    problem = await outside.api.post(
        "/webhooks", {"url": outside.receiver.url, "workspace": "nobody"}, 404, **outside.operator
    )
    assert problem["code"] == "workspace_unknown"
    assert (await outside.api.get("/webhooks/nothing/dead-letters", 404))["code"] == "not_found"
