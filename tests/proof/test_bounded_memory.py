"""What reads the whole log does it in bounded memory: neither the events are held, nor all workspaces.

Each bound is a fraction of what the events, or the ends of all streams, would take.
"""

import json
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
from support.database import Pool, TestDatabase
from support.proof import notary_of

from events.export import open_export
from events.notary import rebuild_tree
from events.store import EventStore
from events.verify import verify_log
from events.workspace import FOLD_VERSION, Workspace
from projections.check import check_read_models
from projections.rebuild import rebuild, rebuild_connections
from projections.timeline import Timeline
from service.cli.proof_files import verify_file

FILL = Path(__file__).parents[1] / "bench" / "fill.sql"
EVENTS, WORKSPACES = 20_000, 8_000
LONG_BOUND = 10 << 20
"""Bytes. As rows, the events are more than 20 MiB; as events of the store, twice that."""

FOLD_BOUND = 4 << 20
"""Bytes. The texts that are folded are 8 MiB."""

FILE_EVENTS = 4000
FILE_BOUND = 1 << 20
"""Bytes. Each of the files is more than 4 MiB, and as values several times that."""

MANY_BOUND = 4 << 20
"""Bytes. With the ends of all streams it is more than 5 MiB."""


async def fill(database: TestDatabase, workspaces: int, hundreds: int) -> None:
    """Register workspaces and give each so many hundreds of events more."""
    template = Workspace("template")
    template.name, template.plan = "Bench", "one"
    document = json.dumps(template.to_document())
    superuser = await asyncpg.connect(database.superuser_dsn)
    await superuser.execute(FILL.read_text())
    await superuser.execute(f"call bench.register(1, {workspaces}, '{document}', {FOLD_VERSION})")
    await superuser.execute(f"call bench.change(1, {workspaces}, {hundreds}, '{document}', {FOLD_VERSION})")
    await superuser.execute("analyze ledger.events")
    await superuser.close()


async def peak(work: Callable[[], Awaitable[object]]) -> int:
    """Return the most bytes that were in use beyond those before."""
    tracemalloc.start()
    try:
        await work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_no_verb_holds_the_events_of_a_long_history(pool: Pool, owner_pool: Pool, database: TestDatabase) -> None:
    """Twenty thousand events of one workspace: what is held of them at once is a fraction."""
    await fill(database, 1, EVENTS // 100)
    store, owner, notary = EventStore(pool), EventStore(owner_pool), notary_of(pool, bulk_from=5000)

    async def export() -> None:
        async with open_export(notary, "w1") as pieces:
            assert sum([len(piece) async for piece in pieces]) > EVENTS * 500

    async def verify() -> None:
        assert (await verify_log(store)).events > EVENTS

    async def check() -> None:
        assert (await check_read_models(store)).entries > EVENTS

    verbs: dict[str, Callable[[], Awaitable[object]]] = {
        "checkpoint": notary.make,
        "rebuild tree": lambda: rebuild_tree(owner),
        "rebuild connections": lambda: rebuild_connections(owner),
        "rebuild timeline": lambda: rebuild(owner, Timeline()),
        "verify": verify,
        "check": check,
        "export": export,
    }
    peaks = {name: await peak(verb) for name, verb in verbs.items()}
    folded = peaks.pop("rebuild connections")
    assert {name: size for name, size in peaks.items() if size > LONG_BOUND} == {}
    assert folded < FOLD_BOUND


async def test_the_check_of_a_file_does_not_hold_its_events(pool: Pool, database: TestDatabase, tmp_path: Path) -> None:
    """Neither by itself nor beside an earlier one: one event of each is at hand."""
    await fill(database, 1, FILE_EVENTS // 100)
    earlier, later = tmp_path / "earlier.json", tmp_path / "later.json"
    async with open_export(notary_of(pool), "w1") as pieces:
        later.write_bytes(b"".join([piece async for piece in pieces]))
    assert later.stat().st_size > 4 << 20
    earlier.write_bytes(later.read_bytes())

    async def verify() -> None:
        found = verify_file(later, earlier, [])
        assert (found["holds"], found["events"] > FILE_EVENTS, found["grown"]) == (True, True, True)

    assert await peak(verify) < FILE_BOUND


async def test_the_check_of_the_log_does_not_hold_all_workspaces(pool: Pool, database: TestDatabase) -> None:
    """Of thousands of workspaces the ends of some hundred are kept; the others are looked up, and found right."""
    await fill(database, WORKSPACES, 0)
    store, notary = EventStore(pool), notary_of(pool, bulk_from=1000)
    found: list[int] = []

    async def verify() -> None:
        verified = await verify_log(store, kept=300)
        assert (verified.fault, verified.damage, verified.checkpoints) == (None, None, 1)
        found.append(verified.streams)

    assert (await notary.make()).checkpoint.streams == WORKSPACES + 1
    held = await peak(verify)
    assert found == [WORKSPACES + 1]
    assert held < MANY_BOUND
