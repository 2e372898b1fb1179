"""What operators and their machines ask: does the process live, may it be sent requests, what are its numbers."""

from collections.abc import Callable, Mapping

import asyncpg
from aiohttp import web

from events.migrate import MigrationSet, pending
from service.db import borrowed
from service.keys import METRICS, READINESS
from service.metrics import CONTENT_TYPE
from service.readiness import Probe


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
    return web.Response(body=request.app[METRICS].exposition(), headers={"Content-Type": CONTENT_TYPE})


def database_probe(pool: "asyncpg.Pool[asyncpg.Record]") -> Probe:
    """Return the probe that the database answers."""

    async def probe() -> Mapping[str, object]:
        await pool.fetchval("select 1")
        return {"ok": True}

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
