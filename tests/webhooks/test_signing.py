"""What is told is signed as the receiver can check it, and the secret that signs is sealed, shown once and rotated."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from support.golden_events import golden_events
from support.identity_world import KEY
from support.outside import Outside

from events.envelope import Actor, Recorded
from service.cookiebox import CookieBox
from service.new_events import NewEvents
from service.webhooks.message import body_of
from service.webhooks.sender import WebhookSender
from service.webhooks.signing import signed_headers


def signed_by(secret: str, message: tuple[dict[str, str], bytes]) -> bool:
    """Tell whether a receiver with this secret takes a message, as Standard Webhooks has it: any signature will do."""
    headers, body = message
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(expected).decode()}" in headers["webhook-signature"].split(" ")


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


def test_a_signature_is_that_of_the_specifications_own_example() -> None:
    """The vector that Standard Webhooks 1.0 gives to try a program by."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


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
