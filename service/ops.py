"""What operators and their machines ask: does the process live, may it be sent requests, what are its numbers."""

from collections.abc import Callable, Mapping
from typing import Final

import asyncpg
from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from events.migrate import MigrationSet, pending
from projections.parking import read_parked
from projections.timeline import Timeline
from service.db import TROUBLE, borrowed
from service.keys import METRICS, POOL, READINESS
from service.metrics import CONTENT_TYPE
from service.readiness import Probe

MOST_NAMED: Final = 20


async def healthz(_request: web.Request) -> web.Response:
    """``GET /healthz``: the process answers. What it depends on is left out, so that nobody restarts it for that."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """``GET /readyz``: 200 when requests can be served, else 503; each part's answer in either case."""
    readiness = request.app[READINESS]
    ready, checks = await readiness.judge()
    status = "ready" if ready else "draining" if readiness.draining else "unready"
    return web.json_response({"status": status, "checks": checks}, status=200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """``GET /metrics``, in Prometheus' text format."""
    numbers, pool = request.app[METRICS].exposition(), request.app.get(POOL)
    if pool is not None:
        numbers += await parked_numbers(pool)
    return web.Response(body=numbers, headers={"Content-Type": CONTENT_TYPE})


async def parked_numbers(pool: "asyncpg.Pool[asyncpg.Record]") -> bytes:
    """Return how many workspaces are parked: what the database knows, not what one of the workers saw."""
    try:
        async with borrowed(pool) as connection:
            found = await read_parked(connection, Timeline.name)
    except TROUBLE:
        return b""
    registry = CollectorRegistry()
    gauge = Gauge(
        "keyledger_parked_workspaces",
        "Workspaces with an event that a read model cannot take in",
        ["projection"],
        registry=registry,
    )
    gauge.labels(Timeline.name).set(sum(one.parked_at is not None for one in found))
    return generate_latest(registry)


def database_probe(pool: "asyncpg.Pool[asyncpg.Record]") -> Probe:
    """Return the probe that the database answers."""

    async def probe() -> Mapping[str, object]:
        await pool.fetchval("select 1")
        return {"ok": True}

    return probe


def parked_probe(pool: "asyncpg.Pool[asyncpg.Record]") -> Probe:
    """Return the probe that names the workspaces that the timeline had to leave behind. All others are served."""

    async def probe() -> Mapping[str, object]:
        async with borrowed(pool) as connection:
            parked = [one.stream_id for one in await read_parked(connection, Timeline.name) if one.parked_at]
        told = {"parked": parked[:MOST_NAMED], "problem": "See: keyledger parked"} if parked else {}
        return {"ok": not parked, "optional": True, **told}

    return probe


def migrations_probe(
    pool: "asyncpg.Pool[asyncpg.Record]", sets: list[MigrationSet], setbacks: Callable[[], int] = lambda: 0
) -> Probe:
    """Return the probe that the schema is this program's.

    Once it is, it stays: migrations only go forward, but where a backup takes the database back. ``setbacks`` tells
    how often one did.
    """
    current_since: int | None = None

    async def probe() -> Mapping[str, object]:
        nonlocal current_since
        missing: list[str] = []
        now = setbacks()
        if current_since != now:
            async with borrowed(pool) as connection:
                missing = [str(migration) for migration in await pending(connection, sets)]
            current_since = None if missing else now
        return {"ok": not missing, "pending": missing}

    return probe


def routes() -> list[web.RouteDef]:
    """The routes of this module."""
    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]
