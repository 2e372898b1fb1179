"""The append path: one writer and many, against pgbench running the plain insert of the same row."""

import asyncio
import itertools
import re
import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from events.catalogue.configuration import JitDisabled, JitEnabled, WorkspaceRegistered
from events.envelope import Actor, Context, NewEvent
from events.store import EventStore
from events.workspace import Workspace

HERE = Path(__file__).parent
TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
CONTEXT = Context(Actor("token", "klt_0192f0a1"), reason="asked for by the customer", ticket="T-1024")


@dataclass(frozen=True)
class Appends:
    """Transactions per second of the plain insert and of appends, from runs in turn."""

    floor_per_second: float
    appends_per_second: float
    ratio: float


def pgbench_program() -> str:
    """Return the path of pgbench. Raises ``FileNotFoundError`` with what to install."""
    found = shutil.which("pgbench") or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))), None
    )
    if found is None:
        message = "pgbench is missing; on Debian the package postgresql-contrib or postgresql-15 brings it."
        raise FileNotFoundError(message)
    return found


async def plain_inserts(url: str, *, clients: int, seconds: int) -> float:
    """Return how many plain inserts a second pgbench commits, prepared and over the same socket."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    process = await asyncio.create_subprocess_exec(
        *(pgbench_program(), "-n", "-M", "prepared", "-f", str(HERE / "plain_insert.sql")),
        *("-c", str(clients), "-j", "1", "-T", str(seconds)),
        *("-h", query["host"][0], "-p", query["port"][0], "-U", str(parts.username), parts.path.lstrip("/")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    found = TPS.search(output.decode())
    if found is None:
        raise RuntimeError(errors.decode())
    return float(found.group(1))


def changes() -> Iterator[NewEvent]:
    """Yield just-in-time creation's going and coming, for ever: the state stays small, every event changes it.

    The two are made once. What is measured is an append and not the making of its request, as the floor's row is a
    constant.
    """
    return itertools.cycle((NewEvent.of(JitDisabled()), NewEvent.of(JitEnabled(role="editor"))))


async def registered(store: EventStore, slug: str) -> Workspace:
    """Register a workspace and return its state."""
    event = NewEvent.of(WorkspaceRegistered(slug=slug, name="Bench", plan="one"))
    prepared = store.prepare([event], CONTEXT)
    state = Workspace(slug).after(prepared)
    await store.append(slug, 0, prepared, state.to_document())
    return state


async def write_for(store: EventStore, slug: str, seconds: float) -> int:
    """Append one event after the other to a workspace of its own, projection included, and return how many.

    The writer keeps its connection, as each of pgbench's clients does.
    """
    state, count, decided = await registered(store, slug), 0, changes()
    async with store.pool.acquire() as connection:
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            prepared = store.prepare([next(decided)], CONTEXT)
            following = state.after(prepared)
            await store.append(slug, state.version, prepared, following.to_document(), conn=connection)
            state, count = following, count + 1
    return count


async def append_ratio(
    pool: "asyncpg.Pool[asyncpg.Record]", owner_url: str, *, writers: int, rounds: int, seconds: int, tag: str
) -> Appends:
    """Measure plain inserts and appends in turn with this many writers."""
    store, pairs = EventStore(pool), []
    owner = await asyncpg.connect(owner_url)
    await owner.execute((HERE / "plain_table.sql").read_text())
    await owner.close()
    for number in range(rounds):
        floor = await plain_inserts(owner_url, clients=writers, seconds=seconds)
        started = time.perf_counter()
        slugs = [f"bench-{tag}-{number}-{writer}" for writer in range(writers)]
        counts = await asyncio.gather(*(write_for(store, slug, seconds) for slug in slugs))
        pairs.append((floor, sum(counts) / (time.perf_counter() - started)))
    return Appends(
        floor_per_second=statistics.median(floor for floor, _ in pairs),
        appends_per_second=statistics.median(appends for _, appends in pairs),
        ratio=statistics.median(appends / floor for floor, appends in pairs),
    )
