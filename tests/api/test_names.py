"""Who is named: names beside ids for whoever reads here, ids alone in what leaves the house, and forgetting."""

import io
import json
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from support.database import TestDatabase
from support.identity_world import World
from support.management import OPERATOR, Management

from events.catalogue.configuration import JitDisabled
from events.envelope import Actor, Context, NewEvent
from events.export_check import verify_export
from events.exported import read_export
from events.refusals import Refusal
from events.verify import verify_log
from projections.check import check_read_models
from projections.projector import Projector
from projections.timeline import Timeline
from service.forgetting import forget_person
from service.logs import configure_logging
from service.settings import load_settings
from service.tokens import list_tokens
from service.webhooks.message import body_of

ADA, GRACE, HOLDER = "ada@acme.example", "Grace Hopper", "holder@acme.example"
LINES = {"Accept": "application/x-ndjson"}
TABLES = """
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('ledger', 'projection', 'identity')
"""


async def changed(api: Management, **token: str) -> dict[str, Any]:
    """Register a workspace on behalf of one person, and change it on behalf of another."""
    await api.register(requested_by=ADA, reason="ordered")
    body = {"type": "JitDisabled", "requested_by": GRACE, "reason": "they wish it"}
    answer: dict[str, Any] = await api.post("/workspaces/acme/events", body, 201, **token)
    return answer


async def read_here(api: Management, **token: str) -> str:
    """Return all answers in which whoever reads here sees who did what."""
    await Projector(api.store, Timeline()).catch_up()
    paths = ("/workspaces/acme/events", "/timeline", "/workspaces/acme/diff?from=1", "/workspaces/acme")
    return json.dumps([await api.get(path, 200, **token) for path in paths])


async def given_away(api: Management, **token: str) -> str:
    """Return all that leaves the house by itself: the feed, lines, tables, exports, and what webhooks are sent."""
    lines = [
        await (await api.call("GET", path, Accept=kind, **token)).text()
        for path, kind in (
            ("/events", "application/x-ndjson"),
            ("/workspaces/acme/events", "application/x-ndjson"),
            ("/workspaces/acme/events", "text/csv"),
            ("/workspaces/acme/export", "application/json"),
        )
    ]
    return "\n".join([*lines, *(body_of(event).decode() for event in await api.store.read_all())])


async def dump(database: TestDatabase) -> str:
    """Return all rows of all tables as text."""
    owner = await asyncpg.connect(database.owner_dsn)
    try:
        tables = await owner.fetch(TABLES)
        rows = [await owner.fetch(f"select t::text from {table['name']} t") for table in tables]
        return "\n".join(row[0] for found in rows for row in found)
    finally:
        await owner.close()


async def test_names_stand_beside_ids_for_whoever_reads_here(api: Management) -> None:
    """Actor is {type, id, name}, requested_by {id, name}, in answers to changes as in the history."""
    holder = await api.new_token(HOLDER, "support")
    answer = await changed(api, **holder)
    ids = {name: await api.names.find(name) for name in (ADA, GRACE, HOLDER, "ada-support")}
    (event,) = answer["events"]
    assert event["actor"] == {"type": "token", "id": ids[HOLDER], "name": HOLDER}
    assert event["requested_by"] == {"id": ids[GRACE], "name": GRACE}
    first, second = (await api.get("/workspaces/acme/events"))["items"]
    assert first["actor"] == {"type": "token", "id": ids["ada-support"], "name": "ada-support"}
    assert first["requested_by"] == {"id": ids[ADA], "name": ADA}
    assert second == event
    (difference,) = (await api.get("/workspaces/acme/diff?from=1"))["changes"]
    assert difference["events"][0]["requested_by"] == {"id": ids[GRACE], "name": GRACE}
    await Projector(api.store, Timeline()).catch_up()
    told = (await api.get("/timeline"))["items"]
    assert [one["actor"]["name"] for one in told] == [HOLDER, "ada-support", "root", "root"]
    assert f"Created the API token {HOLDER} with the role support." in [one["summary"] for one in told]


async def test_what_leaves_the_house_holds_ids_alone(api: Management) -> None:
    holder = await api.new_token(HOLDER, "support")
    await changed(api, **holder)
    text = await given_away(api)
    for name in (ADA, GRACE, HOLDER):
        assert name not in text
        assert str(await api.names.find(name)) in text


@pytest.fixture
def logged() -> Callable[[], str]:
    """Have the service log, and return what reads all that it has logged."""
    written = io.BytesIO()
    writer = configure_logging(load_settings(), written)

    def read() -> str:
        writer.flush()
        return written.getvalue().decode()

    return read


async def test_a_log_line_names_who_changed_something_by_id(api: Management, logged: Callable[[], str]) -> None:
    await changed(api)
    text = logged()
    assert f"token:{await api.names.find('ada-support')}" in text
    assert "ada-support" not in text
    assert ADA not in text


async def test_a_forgotten_person_is_a_placeholder_everywhere_and_a_name_nowhere(
    api: Management, database: TestDatabase, logged: Callable[[], str]
) -> None:
    """Answers, feed, lines, exports, webhooks, log lines and all tables; and the log verifies as before."""
    holder = await api.new_token(HOLDER, "support")
    await changed(api, **holder)
    before = await read_here(api)
    rows = await api.pool.fetch("select canonical, hash from ledger.events order by position")
    forgotten = {}
    for name in (ADA, GRACE, HOLDER):
        assert name in before
        assert name not in await dump(database) or name == HOLDER
        forgotten[name] = await forget_person(
            api.pool, api.store, api.names, name, Context(OPERATOR.actor, reason="asked us to")
        )
    assert [(one.changed, one.events, one.tokens) for one in forgotten.values()] == [
        (True, 1, 0),
        (True, 1, 0),
        (True, 2, 1),
    ]
    after = "\n".join([await read_here(api), await given_away(api), await dump(database)])
    after += logged()
    for name in (ADA, GRACE, HOLDER):
        assert name not in after
        assert forgotten[name].name_id in after
    history = (await api.get("/workspaces/acme/events"))["items"]
    assert [one["requested_by"]["name"] for one in history] == ["(forgotten)", "(forgotten)"]
    assert history[1]["actor"]["name"] == "(forgotten)"
    assert (await api.pool.fetch("select canonical, hash from ledger.events order by position"))[: len(rows)] == rows
    assert (await verify_log(api.store)).fault is None
    assert not (await check_read_models(api.store)).differences
    with pytest.raises(Refusal, match="nobody"):
        await forget_person(api.pool, api.store, api.names, HOLDER, OPERATOR)
    again = await forget_person(api.pool, api.store, api.names, forgotten[HOLDER].name_id, OPERATOR)
    assert (again.changed, again.tokens) == (False, 0)


async def test_the_tokens_of_a_forgotten_person_are_revoked_and_lose_the_name(api: Management) -> None:
    """The revocation is an event. The name is free: who gets it now is somebody else."""
    holder = await api.new_token(HOLDER, "support")
    done = await forget_person(api.pool, api.store, api.names, HOLDER, OPERATOR)
    await api.get("/workspaces", 401, **holder)
    types = [event.type for event in await api.store.read_stream("$system")]
    assert types[-2:] == ["NameShredded", "ApiTokenRevoked"]
    line = next(one for one in await list_tokens(api.pool) if one.name_id == done.name_id)
    assert (line.name, line.revoked_at is None) == (done.name_id, False)
    await api.get("/workspaces", 200, **await api.new_token(HOLDER, "support"))
    assert await api.names.find(HOLDER) != done.name_id


async def test_a_reason_that_holds_the_name_is_refused(api: Management) -> None:
    await changed(api)
    context = Context(OPERATOR.actor, reason=f"{ADA.title()} asked us to")
    with pytest.raises(Refusal, match="for ever"):
        await forget_person(api.pool, api.store, api.names, ADA, context)
    assert await api.names.find(ADA) is not None


async def test_a_name_that_was_written_where_nothing_can_be_forgotten_is_counted(api: Management) -> None:
    """Reasons, tickets, and events from before names were kept apart."""
    await changed(api)
    await api.post("/workspaces/acme/events", {"type": "JitEnabled", "reason": f"for {ADA}"})
    state = await api.commands.resources.identity.store.read_stream("acme")
    old = Context(Actor("token", ADA), requested_by=ADA)
    prepared = api.store.prepare([NewEvent.of(JitDisabled())], old)
    await api.store.append("acme", state[-1].version, prepared)
    shown = (await api.get("/workspaces/acme/events"))["items"][-1]
    assert shown["actor"] == {"type": "token", "id": ADA, "name": ADA}
    assert shown["requested_by"] == {"id": ADA, "name": ADA}
    done = await forget_person(api.pool, api.store, api.names, ADA, OPERATOR)
    assert (done.events, done.in_clear) == (1, 2)


@pytest.mark.parametrize("name", ["~", "~ada", "~" + "A" * 43, " ~ada"])
async def test_nobody_is_named_as_ids_begin(api: Management, name: str) -> None:
    """A name from outside can never pass for an id of the log."""
    await api.register()
    body = {"type": "JitDisabled", "requested_by": name}
    problem = await api.post("/workspaces/acme/events", body, 422)
    assert problem["code"] == "data_invalid"
    assert "does not begin with ~" in problem["detail"]
    members = {"email": GRACE, "requested_by": name}
    assert (await api.post("/workspaces/acme/invitations", members, 422))["code"] == "data_invalid"


async def test_a_request_that_is_repeated_is_the_same_request_and_names_the_same_person(api: Management) -> None:
    """Idempotency holds with who asked, also for another process that meets the name anew."""
    await api.register()
    body = {"type": "JitDisabled", "requested_by": ADA}
    first = await api.post("/workspaces/acme/events", body, 201, Idempotency_Key="k-1")
    api.names._known.clear()
    again = await api.post("/workspaces/acme/events", body, 201, Idempotency_Key="k-1")
    assert again == first
    other = await api.post("/workspaces/acme/events", {**body, "requested_by": GRACE}, 409, Idempotency_Key="k-1")
    assert other["code"] == "idempotency_conflict"
    assert first["events"][0]["requested_by"] == {"id": await api.names.find(ADA), "name": ADA}


async def test_what_is_only_imagined_names_nobody(api: Management) -> None:
    """what-if records nothing, the name of who asked included."""
    await api.register()
    await api.post("/workspaces/acme/what-if", [{"type": "JitDisabled", "requested_by": ADA}], 200)
    assert await api.names.find(ADA) is None


async def test_an_export_carries_names_only_where_they_are_asked_for(api: Management) -> None:
    """With the key of each, so that anybody can check it; who was forgotten is left out, and the file holds."""
    await changed(api)
    plain = await (await api.call("GET", "/workspaces/acme/export")).text()
    assert "names" not in json.loads(plain)
    named = await (await api.call("GET", "/workspaces/acme/export?names=true")).text()
    export = read_export(named)
    assert verify_export(export) is None
    assert {one.name for one in export.names.values()} == {"ada-support", ADA, GRACE}
    await forget_person(api.pool, api.store, api.names, ADA, OPERATOR)
    later = read_export(await (await api.call("GET", "/workspaces/acme/export?names=true")).text())
    assert verify_export(later) is None
    assert {one.name for one in later.names.values()} == {"ada-support", GRACE}


async def test_owners_read_names_in_their_mails(api: Management) -> None:
    """The notice says who changed what and who asked for it, by name, although the event holds ids."""
    await api.register()
    await World(api.pool, api.clock).member("owner@acme.example", "owner")
    await api.post("/workspaces/acme/setup-links", {"requested_by": GRACE, "reason": "they asked"})
    sealed = await api.pool.fetchval("select content from identity.outbox where kind = 'owner_notice'")
    box = api.commands.resources.identity.box
    values = json.loads(box.open("outbox", sealed) or b"")["values"]
    assert (values["actor"], values["requested_by"]) == ("the management API (token ada-support)", GRACE)
