"""Events are recorded all or none, under the terms of the headers, and read back in pages or as a stream."""

import asyncio
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientPayloadError
from support.management import Management


@pytest.fixture
async def acme(api: Management) -> Management:
    """A registered workspace."""
    await api.register()
    return api


def events_of(answer: Any) -> list[str]:
    """Return the types of the recorded events."""
    return [event["type"] for event in answer["events"]]


async def test_an_event_is_recorded_with_its_reason_and_on_whose_behalf(acme: Management) -> None:
    """201 with the recorded event; the domain is stored as a lower-case A-label."""
    body = {
        "type": "DomainAdded",
        "data": {"domain": " Bücher.Example. "},
        "reason": "asked by mail",
        "requested_by": "ada@acme.example",
        "ticket": "T-1",
    }
    answer = await acme.post("/workspaces/acme/events", body)
    (event,) = answer["events"]
    assert event["data"] == {"domain": "xn--bcher-kva.example"}
    asked = {"id": await acme.names.find("ada@acme.example"), "name": "ada@acme.example"}
    assert (event["reason"], event["requested_by"], event["ticket"]) == ("asked by mail", asked, "T-1")
    assert event["correlation_id"] == "req-1"
    assert answer["version"] == event["version"] == 2


async def test_a_change_that_changes_nothing_records_nothing(acme: Management) -> None:
    """200 with no events, and the version stays."""
    await acme.record("acme", "DomainAdded", {"domain": "acme.example"})
    answer = await acme.record("acme", "DomainAdded", {"domain": "ACME.example"}, 200)
    assert (answer["events"], answer["version"]) == ([], 2)


async def test_a_list_records_all_or_none(acme: Management) -> None:
    """One refusal, and nothing of the list is recorded."""
    good = {"type": "DomainAdded", "data": {"domain": "acme.example"}}
    bad = {"type": "DomainAdded", "data": {"domain": "gmail.com"}}
    assert (await acme.post("/workspaces/acme/events", [good, bad], 422))["code"] == "domain_generic"
    assert (await acme.get("/workspaces/acme"))["version"] == 1
    answer = await acme.post("/workspaces/acme/events", [good, {"type": "JitDisabled"}])
    assert events_of(answer) == ["DomainAdded", "JitDisabled"]


async def test_later_changes_of_a_list_build_on_earlier_ones(acme: Management) -> None:
    """Each change is judged on what the ones before it led to."""
    add = {"type": "DomainAdded", "data": {"domain": "acme.example"}}
    verify = {"type": "DomainVerified", "data": {"domain": "acme.example"}}
    assert events_of(await acme.post("/workspaces/acme/events", [add, add, verify])) == [
        "DomainAdded",
        "DomainVerified",
    ]


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ({"type": "DomainAdded", "data": {"domain": "gmail.com"}}, "domain_generic", 422),
        ({"type": "DomainAdded", "data": {"domain": "mailinator.com"}}, "domain_disposable", 422),
        ({"type": "DomainAdded", "data": {"domain": "co.uk"}}, "domain_invalid", 422),
        ({"type": "DomainAded", "data": {"domain": "acme.example"}}, "event_type_unknown", 422),
        ({"type": "ConnectionProven", "data": {}}, "forbidden", 403),
        ({"type": "WorkspaceRegistered", "data": {}}, "forbidden", 403),
        ({"type": "DomainAdded", "data": {}}, "data_invalid", 422),
        ({"type": "DomainAdded", "data": {"domain": "acme.example"}, "actor": {"id": "me"}}, "data_invalid", 422),
        ({"type": "SsoEnabled"}, "not_ready", 409),
        ({"type": "EnforcementEnabled"}, "not_ready", 409),
        ({"type": "CredentialsPromoted"}, "not_ready", 409),
        ({"type": "BypassGranted", "data": {"email": "a@b.example", "hours": 1}, "reason": "x"}, "member_unknown", 404),
        ({"type": "BypassGranted", "data": {"email": "nobody", "hours": 1}, "reason": "x"}, "data_invalid", 422),
        ([], "data_invalid", 422),
        ([{"type": "JitDisabled"}] * 51, "data_invalid", 422),
        ("JitDisabled", "data_invalid", 422),
        ({"type": ["JitDisabled"]}, "data_invalid", 422),
        ({"type": "JitDisabled", "reason": "\ud800"}, "data_invalid", 422),
        ({"type": "JitDisabled", "reason": "nul\u0000"}, "data_invalid", 422),
        ({"type": "JitDisabled", "reason": "r" * 1001}, "data_invalid", 422),
    ],
)
async def test_each_refusal_has_its_code(acme: Management, body: object, code: str, status: int) -> None:
    """Refusals are problem documents with a stable code, and nothing is recorded."""
    answer = await acme.call("POST", "/workspaces/acme/events", body)
    problem = await answer.json()
    assert (answer.status, problem["code"], answer.content_type) == (status, code, "application/problem+json")
    assert problem["detail"].endswith((".", ")", "?"))
    assert (await acme.get("/workspaces/acme"))["version"] == 1


async def test_a_misspelt_type_is_told_the_right_one(acme: Management) -> None:
    """event_type_unknown names the likely type and all that there are."""
    problem = await acme.post("/workspaces/acme/events", {"type": "DomainAded", "data": {}}, 422)
    assert "Did you mean DomainAdded?" in problem["detail"]
    assert "SsoEnabled" in problem["known"]


async def test_an_unknown_workspace_is_404(api: Management) -> None:
    """Every address below a workspace says that there is none."""
    for path in ("", "/events", "/diff?from=1", "/readiness", "/sign-ins", "/invitations", "/members"):
        assert (await api.get(f"/workspaces/nowhere{path}", 404))["code"] == "workspace_unknown"
    assert (await api.record("nowhere", "JitDisabled", status=404))["code"] == "workspace_unknown"
    assert (await api.record("$system", "JitDisabled", status=404))["code"] == "workspace_unknown"


async def test_a_stale_version_is_refused(acme: Management) -> None:
    """If-Match with another version answers 412 and the version that holds."""
    body = {"type": "JitDisabled"}
    await acme.post("/workspaces/acme/events", body, 201, If_Match='"1"')
    problem = await acme.post("/workspaces/acme/events", {"type": "JitEnabled"}, 412, If_Match='"1"')
    assert (problem["code"], problem["version"]) == ("version_conflict", 2)


async def test_of_two_writers_with_the_same_version_one_wins(acme: Management) -> None:
    """Two changes at once that build on the same version: one 201, one 412."""
    bodies = [{"type": "DomainAdded", "data": {"domain": f"{name}.example"}} for name in ("one", "two")]
    calls = [acme.call("POST", "/workspaces/acme/events", body, If_Match='"1"') for body in bodies]
    assert sorted(answer.status for answer in await asyncio.gather(*calls)) == [201, 412]


async def test_writers_without_a_version_all_succeed(acme: Management) -> None:
    """Changes without If-Match wait for one another; none is lost, and versions have no gap."""
    bodies = [{"type": "DomainAdded", "data": {"domain": f"d{n}.example"}} for n in range(8)]
    answers = await asyncio.gather(*(acme.call("POST", "/workspaces/acme/events", body) for body in bodies))
    assert {answer.status for answer in answers} == {201}
    assert [event["version"] for event in (await acme.get("/workspaces/acme/events"))["items"]] == list(range(1, 10))


async def test_a_repeated_key_gets_the_first_answer(acme: Management) -> None:
    """The same request under the same Idempotency-Key answers the same events and records nothing more."""
    body = {"type": "DomainAdded", "data": {"domain": "acme.example"}}
    first = await acme.call("POST", "/workspaces/acme/events", body, Idempotency_Key="k-1")
    await acme.record("acme", "JitDisabled")
    second = await acme.call("POST", "/workspaces/acme/events", body, Idempotency_Key="k-1")
    assert (first.status, second.status, second.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert await first.json() == await second.json()
    assert first.headers["ETag"] == second.headers["ETag"]
    assert (await acme.get("/workspaces/acme"))["version"] == 3


async def test_a_key_belongs_to_one_request(acme: Management) -> None:
    """The same key with another body or condition is 409 idempotency_conflict; another token has keys of its own."""
    body = {"type": "DomainAdded", "data": {"domain": "acme.example"}}
    await acme.post("/workspaces/acme/events", body, Idempotency_Key="k-1")
    other = {"type": "DomainAdded", "data": {"domain": "globex.example"}}
    assert (await acme.post("/workspaces/acme/events", other, 409, Idempotency_Key="k-1"))[
        "code"
    ] == "idempotency_conflict"
    same_with_condition = await acme.post("/workspaces/acme/events", body, 409, Idempotency_Key="k-1", If_Match='"1"')
    assert same_with_condition["code"] == "idempotency_conflict"
    theirs = await acme.new_token("grace", "support")
    await acme.post("/workspaces/acme/events", other, 201, Idempotency_Key="k-1", **theirs)


async def test_repeats_at_once_record_once(acme: Management) -> None:
    """The same request five times at the same time, under one key: one event, five equal answers."""
    body = {"type": "DomainAdded", "data": {"domain": "acme.example"}}
    calls = [acme.call("POST", "/workspaces/acme/events", body, Idempotency_Key="k-1") for _ in range(5)]
    answers = await asyncio.gather(*calls)
    assert {answer.status for answer in answers} == {201}
    assert len({json.dumps(await answer.json(), sort_keys=True) for answer in answers}) == 1
    assert (await acme.get("/workspaces/acme"))["version"] == 2


async def test_a_refused_request_does_not_spend_its_key(acme: Management) -> None:
    """What was refused may be sent again, corrected, under the same key."""
    await acme.post("/workspaces/acme/events", {"type": "SsoEnabled"}, 409, Idempotency_Key="k-1")
    await acme.post("/workspaces/acme/events", {"type": "JitDisabled"}, 201, Idempotency_Key="k-1")


async def test_registering_twice_under_one_key_answers_the_same(api: Management) -> None:
    """A registration repeated under its key is no slug_taken."""
    body = {"slug": "acme", "name": "Acme", "plan": "one"}
    first = await api.post("/workspaces", body, Idempotency_Key="k-1")
    assert await api.post("/workspaces", body, Idempotency_Key="k-1") == first
    body["name"] = "Other"
    assert (await api.post("/workspaces", body, 409, Idempotency_Key="k-1"))["code"] == "idempotency_conflict"


async def test_the_history_is_read_in_pages_oldest_first(acme: Management) -> None:
    """The cursor leads through all events once; a cursor of another workspace is refused."""
    for name in ("a", "b", "c"):
        await acme.record("acme", "DomainAdded", {"domain": f"{name}.example"})
    first = await acme.get("/workspaces/acme/events?limit=3")
    second = await acme.get(f"/workspaces/acme/events?limit=3&cursor={first['next']}")
    assert [one["version"] for one in first["items"] + second["items"]] == [1, 2, 3, 4]
    assert second["next"] is None
    await acme.register("globex")
    assert (await acme.get(f"/workspaces/globex/events?cursor={first['next']}", 422))["code"] == "data_invalid"


async def test_the_history_streams_as_ndjson(acme: Management) -> None:
    """Accept: application/x-ndjson answers one event a line, all of them."""
    await acme.record("acme", "JitDisabled")
    answer = await acme.call("GET", "/workspaces/acme/events", Accept="application/x-ndjson")
    lines = (await answer.text()).splitlines()
    assert answer.content_type == "application/x-ndjson"
    assert [json.loads(line)["type"] for line in lines] == ["WorkspaceRegistered", "JitDisabled"]


async def test_the_whole_log_reads_as_cloud_events(acme: Management) -> None:
    """GET /events?after=POSITION streams CloudEvents 1.0, one a line, in the order of positions, behind that one."""
    await acme.record("acme", "JitDisabled")
    answer = await acme.call("GET", "/events")
    events = [json.loads(line) for line in (await answer.text()).splitlines()]
    assert answer.headers["Keyledger-Epoch"] == "1"
    assert [event["subject"] for event in events] == ["$system", "acme", "acme"]
    last = events[-1]
    assert last["specversion"] == "1.0"
    assert last["type"] == "keyledger.JitDisabled.v1"
    assert last["source"] == "https://id.example.com"
    assert last["data"]["actor"] == {"type": "token", "id": await acme.names.find("ada-support"), "name": None}
    rest = await acme.call("GET", f"/events?after={events[1]['position']}")
    assert [json.loads(line)["id"] for line in (await rest.text()).splitlines()] == [last["id"]]
    limited = await acme.call("GET", "/events?limit=1")
    assert len((await limited.text()).splitlines()) == 1


async def test_every_line_of_the_feed_is_a_cloud_event_as_the_specification_has_it(acme: Management) -> None:
    """CloudEvents 1.0.2, JSON format: required attributes, names, types of values, time, one id each."""
    await acme.record("acme", "DomainAdded", {"domain": "acme.example"})
    events = [json.loads(line) for line in (await (await acme.call("GET", "/events")).text()).splitlines()]
    for event in events:
        attributes = {name: value for name, value in event.items() if name != "data"}
        assert {"id", "source", "specversion", "type", "subject", "time", "datacontenttype"} <= attributes.keys()
        for name, value in attributes.items():
            # 3.1: lower-case letters and digits, at most 20 of them; and every value here is a text that is not empty.
            assert re.fullmatch("[a-z0-9]{1,20}", name), name
            assert isinstance(value, str), name
            assert value, name
        assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/json")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["time"])
        assert urlsplit(event["source"]).scheme == "https"
        assert isinstance(event["data"], dict)
    assert len({(event["source"], event["id"]) for event in events}) == len(events)


async def test_a_stream_that_breaks_ends_unfinished(acme: Management, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the database goes away after the first lines, the connection ends without its closing chunk."""
    whole = acme.store.read_stream
    calls = 0

    async def breaking(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            message = "the database went away"
            raise OSError(message)
        return await whole(*arguments, **more)

    monkeypatch.setattr(acme.store, "read_stream", breaking)
    answer = await acme.call("GET", "/workspaces/acme/events", Accept="application/x-ndjson")
    assert answer.status == 200
    with pytest.raises(ClientPayloadError):
        await answer.read()


async def test_a_database_that_is_away_is_503(acme: Management, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code busy with Retry-After, and nothing of the cause."""

    async def away(*_: Any, **__: Any) -> Any:
        message = "planted-host refused"
        raise OSError(message)

    monkeypatch.setattr(acme.store, "read_stream", away)
    answer = await acme.call("GET", "/workspaces/acme/events")
    problem = await answer.json()
    assert (answer.status, problem["code"], answer.headers["Retry-After"]) == (503, "busy", "2")
    assert "planted-host" not in str(problem)
