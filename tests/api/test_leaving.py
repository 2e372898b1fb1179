"""What happened leaves the house in the forms that others read: CSV, NDJSON, and a feed that waits."""

import asyncio
import csv
import io
import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.management import Management

from events.envelope import Recorded
from service.api.streaming import csv_line
from service.identity.sign_in_log import SignIn, record
from service.keys import NEW_EVENTS


async def table(api: Management, path: str) -> list[dict[str, str]]:
    """Return a CSV answer's rows by their titles."""
    answer = await api.call("GET", path, Accept="text/csv")
    assert (answer.status, answer.content_type, answer.charset) == (200, "text/csv", "utf-8")
    return list(csv.DictReader(io.StringIO((await answer.read()).decode(), newline="")))


async def logged(api: Management, number: int, email: str = "ada@acme.example") -> None:
    """Write so many sign-ins of acme."""
    for n in range(number):
        row = SignIn(datetime.now(UTC), "acme", "sso", "ok", f"req-{n}", email=email, checks={"domain": "ok"})
        await record(api.pool, row)


async def test_the_history_is_a_table(api: Management) -> None:
    """All of it, oldest first; quotes and line breaks survive, and no cell is a formula to who opens it."""
    await api.register()
    reason = 'they said "yes",\nand again'
    await api.post("/workspaces/acme/events", {"type": "JitDisabled", "reason": reason, "ticket": "=HYPERLINK(1)"})
    rows = await table(api, "/workspaces/acme/events")
    assert [(row["version"], row["type"]) for row in rows] == [("1", "WorkspaceRegistered"), ("2", "JitDisabled")]
    assert (rows[1]["reason"], rows[1]["ticket"]) == (reason, "'=HYPERLINK(1)")
    assert json.loads(rows[0]["data"])["plan"] == "one"
    assert rows[1]["actor_id"] == await api.names.find("ada-support")


async def test_the_sign_ins_are_a_table_and_lines(api: Management, monkeypatch: Any) -> None:
    """Newest first, through as many batches as it takes, with the checks as JSON."""
    monkeypatch.setattr("service.api.insight.BATCH", 2)
    await api.register()
    await logged(api, 5)
    rows = await table(api, "/workspaces/acme/sign-ins")
    assert [row["request_id"] for row in rows] == [f"req-{n}" for n in (4, 3, 2, 1, 0)]
    assert json.loads(rows[0]["checks"]) == {"domain": "ok"}
    lines = await api.call("GET", "/workspaces/acme/sign-ins", Accept="application/x-ndjson")
    assert [json.loads(line)["request_id"] for line in (await lines.text()).splitlines()] == [
        row["request_id"] for row in rows
    ]


async def test_an_address_that_looks_like_a_formula_is_text(api: Management) -> None:
    await api.register()
    await logged(api, 1, "=cmd@acme.example")
    assert (await table(api, "/workspaces/acme/sign-ins"))[0]["email"] == "'=cmd@acme.example"


@pytest.mark.parametrize(
    "begin", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", " =1+1", "\r\n=1", "\u00a0=1", "\uff1d1+1", "\uff20x"]
)
def test_a_cell_that_begins_like_a_formula_in_any_spreadsheet_is_text(begin: str) -> None:
    """Also behind blanks, and with the wide signs that some programs take for the narrow ones."""
    ((cell, other),) = csv.reader(io.StringIO(csv_line([begin, "x, and 1=1"]).decode(), newline=""))
    assert (cell.replace("'", ""), other) == (begin, "x, and 1=1")
    assert cell.lstrip().startswith("'")


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_no_cell_begins_like_a_formula_where_other_signs_part_cells(delimiter: str) -> None:
    """In half of the world a spreadsheet parts at semicolons, and what follows one within a reason begins a cell."""
    said = ["asked;=HYPERLINK(1);", 'x;"=HYPERLINK(1)"', None, 7, {"a": "b; @SUM(1)"}, "- one\n\n- two\t=3", "Zo\u00eb"]
    rows = csv.reader(io.StringIO(csv_line(said).decode(), newline=""), delimiter=delimiter)
    assert not [cell for row in rows for cell in row if cell.strip().startswith(("=", "+", "-", "@"))]


BEGINNING = re.compile(r"(^|[;\t\r\n])([\s\x22]*)(?=[=+@\-\uff1d\uff0b\uff0d\uff20])")


@given(st.text(alphabet='=+-@;\t\r\n "a\uff1d\u00a0', max_size=40))
def test_an_apostrophe_stands_before_each_sign_that_could_begin_a_formula_and_nowhere_else(said: str) -> None:
    ((cell, _),) = csv.reader(io.StringIO(csv_line([said, "end"]).decode(), newline=""))
    assert cell == BEGINNING.sub(r"\1\2'", said)


@pytest.mark.parametrize("blanks", ["\n" * 998, '\t"' * 499, "\r\n" * 499, ";\n" * 499, " " * 998])
def test_no_reason_makes_a_table_take_long(blanks: str) -> None:
    """An owner writes reasons; while a line is written, nobody signs in. A batch is 500 lines."""
    before = time.process_time()
    for _ in range(500):
        csv_line([f"x{blanks}y"])
    assert time.process_time() - before < 1


async def feed(api: Management, query: str) -> list[dict[str, Any]]:
    """Return the CloudEvents of one request."""
    answer = await api.call("GET", f"/events?{query}")
    assert answer.status == 200
    return [json.loads(line) for line in (await answer.text()).splitlines()]


async def test_a_reader_that_goes_on_from_its_last_position_misses_nothing_and_sees_nothing_twice(
    api: Management,
) -> None:
    await api.register()
    for number in range(7):
        await api.record("acme", "DomainAdded", {"domain": f"a{number}.example"})
    seen: list[dict[str, Any]] = []
    while found := await feed(api, f"limit=3&after={seen[-1]['position'] if seen else 0}"):
        seen += found
    whole = await feed(api, "")
    assert [one["id"] for one in seen] == [one["id"] for one in whole]
    assert len(whole) == 9


async def test_a_reader_at_the_end_waits_for_the_next_event(api: Management, monkeypatch: Any) -> None:
    """The request that was there first is answered by the event that is recorded after it."""
    await api.register()
    last = (await feed(api, ""))[-1]["position"]
    looked = asyncio.Event()
    whole = api.store.read_all

    async def looking(*arguments: Any, **more: Any) -> list[Recorded]:
        found = await whole(*arguments, **more)
        looked.set()
        return found

    monkeypatch.setattr(api.store, "read_all", looking)
    waiting = asyncio.create_task(feed(api, f"after={last}&wait=30"))
    await looked.wait()
    await api.record("acme", "JitDisabled")
    api.client.app[NEW_EVENTS].ring()
    async with asyncio.timeout(10):
        assert [one["type"] for one in await waiting] == ["keyledger.JitDisabled.v1"]


async def test_what_nobody_rang_for_is_found_within_the_wait(api: Management) -> None:
    """The connection that listens may be lost: a reader looks by itself every second."""
    await api.register()
    last = (await feed(api, ""))[-1]["position"]
    waiting = asyncio.create_task(feed(api, f"after={last}&wait=30"))
    await api.record("acme", "JitDisabled")
    async with asyncio.timeout(10):
        assert len(await waiting) == 1


async def test_a_wait_ends_empty_and_with_the_service(api: Management) -> None:
    await api.register()
    last = (await feed(api, ""))[-1]["position"]
    assert await feed(api, f"after={last}&wait=1") == []
    waiting = asyncio.create_task(feed(api, f"after={last}&wait=30"))
    api.client.app[NEW_EVENTS].close()
    async with asyncio.timeout(10):
        assert await waiting == []
    assert (await api.get("/events?wait=31", 422))["code"] == "data_invalid"


async def test_a_position_of_another_epoch_is_refused(api: Management) -> None:
    """After a restore positions may stand for other events: who says which epoch theirs is from is told."""
    await api.register()
    assert len(await feed(api, "epoch=1")) == 2
    problem = await api.get("/events?epoch=2", 412)
    assert (problem["code"], problem["epoch"]) == ("version_conflict", 1)
