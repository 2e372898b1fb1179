"""Replay and fold of a whole log, against the server's own COPY of the same rows to nowhere."""

import asyncio
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pydantic import SecretStr

from events.migrate import migrate
from events.replay import fold_all
from events.store import EventStore
from events.workspace import FOLD_VERSION, Workspace
from service.database import MIGRATION_SETS
from service.db import open_pool

HERE = Path(__file__).parent
EVENTS_PER_WORKSPACE = 1000
# All that an event is: the column for look-ups repeats the canonical text, and to write it out would slow the floor.
COLUMNS = "position, stream_id, version, leaf_index, event_id, recorded_at, type, schema_version, canonical, hash"
COPY = f"copy ledger.events ({COLUMNS}) to '/dev/null'"


@dataclass(frozen=True)
class Replay:
    """Seconds for all events, and the largest resident size of the process that folded, in MiB."""

    events: int
    copy_seconds: float
    fold_seconds: float
    ratio: float
    peak_mib: float


async def on_fresh_log(owner_url: str, runtime_url: str, superuser_url: str, *, events: int, rounds: int) -> Replay:
    """Migrate an empty database, fill its log, and measure there."""
    owner = await asyncpg.connect(owner_url)
    await migrate(owner, MIGRATION_SETS)
    await owner.close()
    superuser = await asyncpg.connect(superuser_url)
    await fill(superuser, events)
    await superuser.close()
    return await measure(superuser_url, runtime_url, rounds=rounds)


async def fill(superuser: "asyncpg.Connection[asyncpg.Record]", events: int) -> None:
    """Register workspaces and give each a thousand events, through ``ledger.append``."""
    workspaces = events // EVENTS_PER_WORKSPACE
    document = json.dumps(template())
    await superuser.execute((HERE / "fill.sql").read_text())
    await superuser.execute(f"call bench.register(1, {workspaces}, '{document}', {FOLD_VERSION})", timeout=3600)
    rounds = EVENTS_PER_WORKSPACE // 100
    await superuser.execute(f"call bench.change(1, {workspaces}, {rounds}, '{document}', {FOLD_VERSION})", timeout=3600)
    await superuser.execute("vacuum analyze ledger.events", timeout=3600)


def template() -> dict[str, object]:
    """Return a read model's document for a registered workspace; slug and version are put in on the server."""
    state = Workspace("template")
    state.name, state.plan = "Bench", "one"
    return state.to_document()


async def measure(superuser_url: str, runtime_url: str, *, rounds: int) -> Replay:
    """Time COPY and fold in turn; each fold runs in a process of its own, so that its memory is its own."""
    pairs, peaks, events = [], [], 0
    superuser = await asyncpg.connect(superuser_url)
    try:
        await superuser.execute(COPY, timeout=600)
        for _ in range(rounds):
            started = time.perf_counter()
            await superuser.execute(COPY, timeout=600)
            copied = time.perf_counter() - started
            process = await asyncio.create_subprocess_exec(
                sys.executable, __file__, runtime_url, stdout=asyncio.subprocess.PIPE
            )
            folded = json.loads((await process.communicate())[0])
            events = folded["events"]
            pairs.append((copied, folded["seconds"]))
            peaks.append(folded["peak_mib"])
    finally:
        await superuser.close()
    return Replay(
        events=events,
        copy_seconds=statistics.median(copied for copied, _ in pairs),
        fold_seconds=statistics.median(folded for _, folded in pairs),
        ratio=statistics.median(copied / folded for copied, folded in pairs),
        peak_mib=max(peaks),
    )


async def fold_here(url: str) -> None:
    """Fold the whole log in this process and print what it took."""
    from bench.machine import peak_memory_mib

    workspaces = 0

    def count(_state: Workspace) -> None:
        nonlocal workspaces
        workspaces += 1

    async with open_pool(SecretStr(url), size=2) as pool:
        started = time.perf_counter()
        events = await fold_all(EventStore(pool), count)
        seconds = time.perf_counter() - started
    print(json.dumps({"events": events, "workspaces": workspaces, "seconds": seconds, "peak_mib": peak_memory_mib()}))


if __name__ == "__main__":
    import uvloop

    sys.path[0] = str(HERE.parent)
    uvloop.run(fold_here(sys.argv[1]))
