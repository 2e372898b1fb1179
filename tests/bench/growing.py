"""What an append and a sign-in cost while the log grows and workspaces become many."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
from bench.appending import CONTEXT, changes, registered
from bench.browser_path import SignInCost, sign_in_cost
from bench.machine import cpu_seconds, descendants
from bench.replaying import HERE, template
from bench.service_under_load import SLUG, Running
from pydantic import SecretStr

from events.store import EventStore
from events.workspace import FOLD_VERSION
from service.db import open_pool

APPENDS = 3000


@dataclass(frozen=True)
class Cost:
    """What one operation takes with this many workspaces (and at least as many events), in milliseconds of CPU."""

    workspaces: int
    append_database_ms: float
    sign_in_service_ms: float
    sign_in_database_ms: float


async def costs(running: Running, sizes: list[int], *, sign_ins: int) -> AsyncIterator[Cost]:
    """Grow the log to each size in turn, and measure there."""
    people = [(f"00u{number}", f"person{number}@acme.example") for number in range(20)]
    superuser = await asyncpg.connect(running.superuser_url)
    try:
        await superuser.execute((HERE / "fill.sql").read_text())
        reached = 0
        for size in sizes:
            document = json.dumps(template())
            call = f"call bench.register({reached + 1}, {size}, '{document}', {FOLD_VERSION})"
            await superuser.execute(call, timeout=3600)
            reached = size
            for table in ("ledger.events", "ledger.streams", "projection.connections", "identity.workspaces"):
                await superuser.execute(f"vacuum analyze {table}", timeout=3600)
            await superuser.execute("checkpoint")
            sign_in = await measure_sign_in(running, people, sign_ins)
            append = await measure_append(running, f"grown-{size}")
            yield Cost(size, append, sign_in.service_ms, sign_in.database_ms)
    finally:
        await superuser.close()


async def measure_sign_in(running: Running, people: list[tuple[str, str]], count: int) -> SignInCost:
    """Return what a known member's sign-in takes."""
    pids = {"service_pid": running.service_pid, "database_pid": running.database_pid}
    return await sign_in_cost(running.base_url, SLUG, people, count=count, **pids)


async def measure_append(running: Running, slug: str) -> float:
    """Return the milliseconds of PostgreSQL's CPU for one append, read model included."""
    async with open_pool(SecretStr(running.runtime_url), size=2) as pool:
        store = EventStore(pool)
        state, decided = await registered(store, slug), changes()
        before = cpu_seconds(descendants(running.database_pid))
        for _ in range(APPENDS):
            prepared = store.prepare([next(decided)], CONTEXT)
            following = state.after(prepared)
            await store.append(slug, state.version, prepared, following.to_document())
            state = following
        return (cpu_seconds(descendants(running.database_pid)) - before) / APPENDS * 1000
