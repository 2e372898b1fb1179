"""Auditors get checkpoints, keys and proofs by the API, and what they get holds by RFC 9162 and C2SP alone."""

import asyncio
import base64
from typing import Any

from support import stranger
from support.database import TestDatabase
from support.management import Management
from support.tampering import Superuser

from events.checkpoints import read_checkpoint
from events.merkle import EMPTY_ROOT, consistent, included
from events.notes import NoteKey, open_note
from service.keys import NOTARY


def proof_of(answer: Any) -> list[bytes]:
    """Return the hashes of an answered proof."""
    return [base64.b64decode(part) for part in answer["proof"]]


async def checkpoint(api: Management) -> Any:
    """Have a checkpoint made, and return what the API answers as the latest."""
    await api.client.app[NOTARY].make()
    return await api.get("/checkpoints/latest")


async def test_the_latest_checkpoint_is_signed_by_the_served_key(api: Management) -> None:
    """As JSON and as the note alone; before the first one the answer says when it comes."""
    assert "within about 60 seconds" in (await api.get("/checkpoints/latest", 404))["detail"]
    latest = await checkpoint(api)
    (key,) = (await api.get("/checkpoints/keys"))["items"]
    assert key["current"]
    text, _ = open_note(latest["note"], [NoteKey.parse(key["key"])])
    assert text.startswith("id.example.com/log\n")
    alone = await api.call("GET", "/checkpoints/latest", Accept="text/plain")
    assert (alone.content_type, await alone.text()) == ("text/plain", latest["note"])


async def test_checkpoints_come_in_pages_oldest_first(api: Management) -> None:
    made = [await checkpoint(api)]
    for slug in ("acme", "globex"):
        await api.register(slug)
        made.append(await checkpoint(api))
    first = await api.get("/checkpoints?limit=2")
    rest = await api.get(f"/checkpoints?limit=2&cursor={first['next']}")
    assert first["items"] + rest["items"] == made
    assert rest["next"] is None


async def test_every_event_is_provably_in_and_the_log_provably_grew(api: Management) -> None:
    """Inclusion of each position and consistency between any two sizes, against the notes' own roots."""
    await api.register()
    earlier = read_checkpoint((await checkpoint(api))["note"])
    for number in range(5):
        await api.record("acme", "DomainAdded", {"domain": f"a{number}.example"})
    later = read_checkpoint((await checkpoint(api))["note"])
    for event in (await api.get("/workspaces/acme/events"))["items"]:
        answer = await api.get(f"/proofs/inclusion?position={event['position']}")
        digest = bytes.fromhex(event["hash"])
        assert answer["hash"] == event["hash"]
        assert included(digest, answer["leaf_index"], answer["size"], proof_of(answer), later.root)
    grown = await api.get(f"/proofs/consistency?from={earlier.size}&to={later.size}")
    assert consistent(earlier.size, later.size, proof_of(grown), earlier.root, later.root)
    from_nothing = await api.get("/proofs/consistency?from=0")
    assert consistent(0, later.size, proof_of(from_nothing), EMPTY_ROOT, later.root)
    then = await api.get(f"/proofs/inclusion?position=2&size={earlier.size}")
    assert included(bytes.fromhex(then["hash"]), then["leaf_index"], earlier.size, proof_of(then), earlier.root)


async def test_what_cannot_be_proven_is_said(api: Management) -> None:
    """Positions that do not exist or came later, and sizes that the log never had."""
    await checkpoint(api)
    await api.register()
    assert "no event" in (await api.get("/proofs/inclusion?position=999", 404))["detail"]
    position = (await api.get("/workspaces/acme"))["position"]
    assert "older than this event" in (await api.get(f"/proofs/inclusion?position={position}", 404))["detail"]
    assert (await api.get("/proofs/inclusion?position=1&size=99", 422))["code"] == "data_invalid"
    assert (await api.get("/proofs/consistency?from=1&to=99", 422))["code"] == "data_invalid"
    assert (await api.get("/proofs/consistency?from=2&to=1", 422))["code"] == "data_invalid"


async def test_an_auditor_gets_the_file_that_proves_itself(api: Management) -> None:
    """It covers what was recorded a moment ago, and its second reading shows that the log only grew."""
    await api.register()
    auditor = await api.new_token("grace-auditor", "auditor")
    answer = await api.call("GET", "/workspaces/acme/export", **auditor)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="acme.keyledger.json"'
    stranger.check(await answer.text())
    size = read_checkpoint((await answer.json())["checkpoint"]).size
    await api.record("acme", "JitDisabled")
    again = await api.get(f"/workspaces/acme/export?since={size}")
    assert [event["version"] for event in again["events"]] == [1, 2]
    assert again["since"]["size"] == size
    assert (await api.get("/workspaces/acme/export?since=999", 422))["code"] == "data_invalid"
    assert (await api.get("/workspaces/nobody/export", 404))["code"] == "workspace_unknown"


async def test_exports_are_whole_while_the_workspace_changes(api: Management) -> None:
    """Each is of one moment, and holds, however many are asked for beside changes."""
    await api.register()

    async def change(number: int) -> None:
        await api.record("acme", "DomainAdded", {"domain": f"a{number}.example"})

    async def export() -> None:
        stranger.check(await (await api.call("GET", "/workspaces/acme/export")).text())

    await asyncio.gather(*(change(number) for number in range(6)), *(export() for _ in range(3)))


async def test_a_log_that_does_not_hold_is_not_signed_for_anybody(api: Management, database: TestDatabase) -> None:
    """An export that would need a checkpoint of it is refused, with the position and what to tell the operator."""
    await api.register()
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do("update ledger.events set canonical = replace(canonical, 'Acme', 'Evil') where version = 1")
    problem = await api.get("/workspaces/acme/export", 500)
    assert (problem["code"], problem["position"]) == ("log_broken", 2)
    assert "keyledger verify" in problem["detail"]
