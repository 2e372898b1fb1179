"""Live read models equal the replay, row by row; whatever does not follow from the events is named."""

import asyncio
import sys
from io import StringIO

import pytest
from support.database import Pool, TestDatabase
from support.ledger import ADA, domain, record, register
from support.tampering import Superuser

from events.catalogue.access import SsoDisabled
from events.catalogue.configuration import JitDisabled
from events.envelope import NewEvent
from events.store import EventStore
from projections.check import check_read_models
from projections.projector import Projector
from projections.timeline import Timeline
from service.cli.progress import Bar, shown_progress


async def test_rows_that_follow_from_the_events_equal_the_replay_while_appends_go_on(pool: Pool) -> None:
    """Nothing is locked: changes are recorded beside the check, and each check sees one moment."""
    store = EventStore(pool)
    states = [await register(store, f"w{number}") for number in range(20)]

    async def change() -> None:
        for state in states:
            await record(store, state, domain(1), domain(2))
            await Projector(store, Timeline()).catch_up()

    async def look() -> None:
        for _ in range(4):
            checked = await check_read_models(store)
            assert checked.differences == ()

    await asyncio.gather(change(), look(), look())
    checked = await check_read_models(store)
    assert (checked.workspaces, checked.entries, checked.differences) == (20, 60, ())
    one = await check_read_models(store, "w3")
    assert (one.workspaces, one.entries, one.differences) == (1, 3, ())


async def test_a_document_that_append_was_handed_and_that_does_not_follow_is_found(pool: Pool) -> None:
    """The runtime role may hand ``ledger.append`` any document, for the system stream as well."""
    store = EventStore(pool)
    state = await register(store, "acme")
    prepared = store.prepare([NewEvent.of(JitDisabled())], ADA)
    forged = state.after(prepared)
    forged.sso_enabled = True
    forged.name = "Evil"
    await store.append("acme", state.version, prepared, forged.to_document())
    system = store.prepare([NewEvent.of(SsoDisabled(reason="none"))], ADA)
    document = {**forged.to_document(), "slug": "$system", "version": 1}
    await store.append("$system", 0, system, document)
    found = {one.stream_id: one.problem for one in (await check_read_models(store)).differences}
    assert found == {
        "acme": "The row differs from the events in: name, sso_enabled.",
        "$system": "There is a row, and no workspace of this name in the log.",
    }


ENTRY_OF_NOTHING = """
    update projection.checkpoints set position = 3;
    insert into projection.timeline_v1
    select 3, event_id, stream_id, version, recorded_at, type, actor_type, actor_id, reason, requested_by, ticket,
        correlation_id, summary
    from projection.timeline_v1 where position = 2
"""
CHANGES = {
    "missing": ("delete from projection.connections where slug = 'acme'", "connections", "missing"),
    "behind": ("update projection.connections set version = 1 where slug = 'acme'", "connections", "at version 1"),
    "renamed": ("update projection.connections set plan = 'free' where slug = 'acme'", "connections", "plan"),
    "lapsing": ("update projection.connections set lapses_at = '2026' where slug = 'acme'", "connections", "lapses_at"),
    "entry missing": ("delete from projection.timeline_v1 where position = 2", "timeline_v1", "missing"),
    "entry changed": (
        "update projection.timeline_v1 set actor_id = 'nobody' where position = 2",
        "timeline_v1",
        "something else",
    ),
    "entry of nothing": (ENTRY_OF_NOTHING, "timeline_v1", "no event"),
}


async def test_each_way_in_which_a_row_may_differ_is_named(pool: Pool, database: TestDatabase) -> None:
    store = EventStore(pool)
    await record(store, await register(store, "acme"), domain(1))
    await Projector(store, Timeline()).catch_up()
    assert (await check_read_models(store)).differences == ()
    async with Superuser(database.superuser_dsn) as superuser:
        for name, (statement, projection, told) in CHANGES.items():
            await superuser.conn.execute("create table kept_c as table projection.connections")
            await superuser.conn.execute("create table kept_t as table projection.timeline_v1")
            await superuser.do(statement)
            (difference,) = (await check_read_models(store)).differences
            assert (difference.projection, difference.stream_id) == (projection, "acme"), name
            assert told in difference.problem, name
            await superuser.conn.execute(
                "truncate projection.connections, projection.timeline_v1;"
                "insert into projection.connections table kept_c; insert into projection.timeline_v1 table kept_t;"
                "drop table kept_c, kept_t"
            )
    assert (await check_read_models(store)).differences == ()


async def test_rows_of_another_version_are_counted_and_not_called_wrong(pool: Pool, database: TestDatabase) -> None:
    """While a new version is rolled out the old one's rows are there; this program reads the events instead."""
    store = EventStore(pool)
    await register(store, "acme")
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do("update projection.connections set fold_version = 99, document = '{}'")
    checked = await check_read_models(store)
    assert (checked.outdated, checked.differences) == (1, ())


def test_a_terminal_shows_how_far_a_check_has_come_and_a_log_nothing_unless_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file or a pipe gets nothing; with ``--progress`` it gets whole lines, which no terminal has to interpret."""

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    for stream, wanted, shows in ((Terminal(), None, True), (Terminal(), False, False), (StringIO(), None, False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with shown_progress(wanted) as bar:
            tell = bar.stage("Checking the log")
            tell(50, 200)
            tell(200, 200)
        assert ("100%" in stream.getvalue()) == shows


def test_a_long_check_writes_few_lines_into_a_log() -> None:
    """However often it tells how far it has come: one line in ten seconds, with the rate and the time that is left."""
    now, stream = [0.0], StringIO()
    bar = Bar(stream, terminal=False, clock=lambda: now[0])
    tell = bar.stage("Checking the log")
    for done in range(1, 60_001):
        now[0] = done / 1000
        tell(done, 120_000)
    bar.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 6
    assert "  25%  30,000 of 120,000 events  1,000/s  1:30 left" in lines[2]
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()
