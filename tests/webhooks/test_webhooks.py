"""Addresses outside are told of events: signed, in each workspace's order, again until they take it, and no secret."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.database import Pool
from support.golden_events import golden_events
from support.identity_world import KEY
from support.management import Management, managed

from events.envelope import Actor, Recorded
from service.cookiebox import CookieBox
from service.keys import WEBHOOKS
from service.new_events import NewEvents
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy
from service.webhooks.message import body_of
from service.webhooks.registry import Webhooks
from service.webhooks.sender import PAUSES_S, WebhookSender
from service.webhooks.signing import signed_headers


@dataclass
class Receiver:
    """An address outside. It answers with ``status``, or with that of the workspace, and keeps what it got."""

    status: int = 204
    by_workspace: dict[str, int] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        """Answer one message."""
        body = await request.read()
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, body))
        status = self.by_workspace.get(json.loads(body)["data"]["workspace"], self.status)
        return web.Response(status=status, headers={"Location": "https://elsewhere.example"})

    @property
    def told(self) -> list[tuple[str, int]]:
        """Workspace and version of each message."""
        data = [json.loads(body)["data"] for _, body in self.got]
        return [(one["workspace"], one["version"]) for one in data]


@dataclass
class Outside:
    """The API, a receiver, and what sends; the token is an operator's."""

    api: Management
    receiver: Receiver
    sender: WebhookSender
    operator: dict[str, str]

    async def add(self, **more: object) -> Any:
        """Add a webhook to the receiver."""
        return await self.api.post("/webhooks", {"url": self.receiver.url, **more}, 201, **self.operator)

    async def send(self) -> None:
        """Send until nothing is due."""
        while await self.sender.deliver_due():
            pass

    async def dead(self, added: Any) -> Any:
        """Return a webhook's dead letters."""
        return (await self.api.get(f"/webhooks/{added['webhook']['id']}/dead-letters"))["items"]

    async def look(self) -> Any:
        """Return the one webhook."""
        (found,) = (await self.api.get("/webhooks"))["items"]
        return found


@pytest.fixture
async def outside(pool: Pool) -> AsyncIterator[Outside]:
    """A registered acme and globex, and nobody who is told of them yet."""
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(managed(pool))
        receiver = Receiver()
        app = web.Application()
        app.router.add_post("/hook", receiver.take)
        server = await stack.enter_async_context(TestServer(app))
        receiver.url = str(server.make_url("/hook"))
        http = await stack.enter_async_context(ProviderClient(ProviderPolicy(allow_loopback=True), clock=api.clock))
        sender = WebhookSender(pool, CookieBox([KEY]), api.clock, http, NewEvents())
        await api.register("acme")
        await api.register("globex")
        yield Outside(api, receiver, sender, await api.new_token("root", "operator"))


def seconds(number: float) -> timedelta:
    """Return so many seconds."""
    return timedelta(seconds=number)


async def test_what_is_recorded_from_now_on_is_sent_signed(outside: Outside) -> None:
    """As Standard Webhooks has it: the id stays the same, and the signature covers id, time and body."""
    added = await outside.add(workspace="acme")
    await outside.api.post("/workspaces/acme/events", {"type": "JitDisabled", "reason": "they asked"})
    await outside.api.record("globex", "JitDisabled")
    await outside.send()
    ((headers, body),) = outside.receiver.got
    key = base64.b64decode(added["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert int(headers["webhook-timestamp"]) == int(outside.api.clock.now.timestamp())
    assert headers["content-type"] == "application/json"
    message = json.loads(body)
    assert (message["type"], message["data"]["reason"]) == ("keyledger.JitDisabled.v1", "they asked")
    assert message["data"]["event_id"] == headers["webhook-id"]
    assert (await outside.look())["waiting"] == 0


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


async def test_the_secret_is_sealed_and_shown_once(outside: Outside) -> None:
    """A new key opens it too, once it was sealed anew; without the key nothing is sent unsigned."""
    added = await outside.add(workspace="acme")
    raw = base64.b64decode(added["secret"].removeprefix("whsec_"))
    kept = await outside.api.pool.fetchval("select secret from identity.webhooks")
    assert added["secret"] not in kept
    assert added["secret"] not in json.dumps(await outside.api.get("/webhooks"))
    newest = bytes(range(1, 33))
    rotated = WebhookSender(
        outside.api.pool, CookieBox([newest, KEY]), outside.api.clock, outside.sender.http, NewEvents()
    )
    await rotated.reseal()
    row = await outside.api.pool.fetchrow("select webhook_id, secret from identity.webhooks")
    assert row is not None
    assert CookieBox([newest]).open("webhook", row["secret"], str(row["webhook_id"])) == raw
    await outside.api.record("acme", "JitDisabled")
    await outside.send()
    assert outside.receiver.got == []
    assert "does not open" in await outside.api.pool.fetchval("select last_error from identity.webhook_messages")


def signed_by(secret: str, message: tuple[dict[str, str], bytes]) -> bool:
    """Tell whether a receiver with this secret takes a message, as Standard Webhooks has it: any signature will do."""
    headers, body = message
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(expected).decode()}" in headers["webhook-signature"].split(" ")


async def test_a_secret_is_rotated_without_a_message_that_the_receiver_cannot_check(outside: Outside) -> None:
    """Both secrets sign while the receiver changes over; then the new one alone, and the former one is forgotten."""
    old = await outside.add(workspace="acme")
    path = f"/webhooks/{old['webhook']['id']}/secret"
    new = await outside.api.post(path, {"keep_hours": 2, "reason": "once a year"}, 200, **outside.operator)
    await outside.api.record("acme", "JitDisabled")
    await outside.send()
    assert [signed_by(one["secret"], outside.receiver.got[-1]) for one in (old, new)] == [True, True]
    outside.api.clock.now += timedelta(hours=2)
    await outside.api.record("acme", "JitEnabled", {"role": "viewer"})
    await outside.send()
    assert [signed_by(one["secret"], outside.receiver.got[-1]) for one in (old, new)] == [False, True]
    newest = bytes(range(1, 33))
    resealing = replace(outside.sender, box=CookieBox([newest, KEY]))
    await resealing.reseal()
    assert await outside.api.pool.fetchval("select former_secret from identity.webhooks") is None
    lost = await outside.api.post(path, {"keep_hours": 0}, 200, **outside.operator)
    await outside.api.record("acme", "JitDisabled")
    await outside.send()
    assert [signed_by(one["secret"], outside.receiver.got[-1]) for one in (new, lost)] == [False, True]
    rotated = [one for one in await outside.api.store.read_stream("$system") if one.type == "WebhookSecretRotated"]
    assert [one.reason for one in rotated] == ["once a year", None]
    told = json.dumps([await outside.api.get("/webhooks"), [one.data for one in rotated]])
    assert not [one for one in (old, new, lost) if one["secret"] in told]


async def test_a_former_secret_is_sealed_anew_with_the_secret(outside: Outside) -> None:
    old = await outside.add(workspace="acme")
    path = f"/webhooks/{old['webhook']['id']}/secret"
    await outside.api.post(path, {}, 200, **outside.operator)
    newest = bytes(range(1, 33))
    await replace(outside.sender, box=CookieBox([newest, KEY])).reseal()
    await outside.api.record("acme", "JitDisabled")
    await replace(outside.sender, box=CookieBox([newest])).deliver_due()
    assert signed_by(old["secret"], outside.receiver.got[-1])
    auditor = await outside.api.new_token("eve", "auditor")
    assert (await outside.api.post(path, {}, 403, **auditor))["code"] == "forbidden"
    assert (await outside.api.post(path, {"keep_hours": 169}, 422, **outside.operator))["code"] == "data_invalid"


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


def test_no_body_holds_anything_of_a_secret() -> None:
    """Whatever the type: neither ciphertext's digest, nor fingerprint, nor the hash of a token or code."""
    for one in golden_events():
        event = Recorded(
            1, UUID(int=1), "acme", 1, 0, one["type"], one["schema_version"], one["data"], Actor("staff", "ada"), None,
            None, None, None, None, None, datetime(2026, 11, 25, tzinfo=UTC), b"",
        )  # fmt: skip
        text = body_of(event).decode()
        assert not {"fingerprint", "digest", "token_hash", "code_hashes"} & set(text.replace('"', " ").split())
        # Under whatever name: an event names nothing but secrets by a SHA-256.
        assert re.search("[0-9a-f]{64}", text) is None, one["type"]


def test_a_signature_is_that_of_the_specifications_own_example() -> None:
    """The vector that Standard Webhooks 1.0 gives to try a program by."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


async def test_a_workspace_that_does_not_exist_has_no_webhook(outside: Outside) -> None:
    problem = await outside.api.post(
        "/webhooks", {"url": outside.receiver.url, "workspace": "nobody"}, 404, **outside.operator
    )
    assert problem["code"] == "workspace_unknown"
    assert (await outside.api.get("/webhooks/nothing/dead-letters", 404))["code"] == "not_found"
