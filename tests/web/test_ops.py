"""What operators ask: the process, its readiness, its numbers; also of several workers together."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient
from support.database import Pool, TestDatabase

from service import ops
from service.database import MIGRATION_SETS
from service.keys import METRICS, READINESS
from service.metrics import Metrics
from service.ops import database_probe, migrations_probe
from service.readiness import Probe, Readiness


def app_with(**probes: Probe) -> web.Application:
    app = web.Application()
    app[METRICS], app[READINESS] = Metrics(), Readiness(dict(probes))
    app.add_routes(ops.routes())
    return app


async def test_the_process_is_healthy_whatever_it_depends_on(aiohttp_client: AiohttpClient) -> None:
    async def broken() -> dict[str, object]:
        raise OSError

    client = await aiohttp_client(app_with(database=broken))
    assert (await client.get("/healthz")).status == 200
    answer = await client.get("/readyz")
    assert answer.status == 503
    assert await answer.json() == {"status": "unready", "checks": {"database": {"ok": False, "problem": "OSError"}}}


async def test_an_instance_is_ready_when_the_database_answers_and_is_current(
    pool: Pool, aiohttp_client: AiohttpClient
) -> None:
    client = await aiohttp_client(
        app_with(database=database_probe(pool), migrations=migrations_probe(pool, MIGRATION_SETS))
    )
    answer = await client.get("/readyz")
    assert answer.status == 200
    checks = (await answer.json())["checks"]
    assert checks == {"database": {"ok": True}, "migrations": {"ok": True, "pending": []}}


async def test_an_instance_is_not_ready_before_its_migrations(
    empty_database: TestDatabase, aiohttp_client: AiohttpClient
) -> None:
    import asyncpg

    async with asyncpg.create_pool(empty_database.owner_dsn, min_size=1, max_size=2) as pool:
        client = await aiohttp_client(app_with(migrations=migrations_probe(pool, MIGRATION_SETS)))
        answer = await client.get("/readyz")
        assert answer.status == 503
        assert (await answer.json())["checks"]["migrations"]["pending"]


async def test_an_instance_whose_database_was_taken_back_looks_at_its_migrations_again(
    pool: Pool, owner_pool: Pool
) -> None:
    """They only go forward, but a backup from before one of them takes the database back under a running instance."""
    setbacks = 0
    probe = migrations_probe(pool, MIGRATION_SETS, lambda: setbacks)
    assert (await probe())["ok"]
    await owner_pool.execute("delete from ledger.migrations where set_name = 'service' and number > 1")
    setbacks = 1
    for _ in range(2):
        told = await probe()
        assert told["ok"] is False
        assert told["pending"]


async def test_a_part_that_is_told_of_does_not_have_to_be_well(aiohttp_client: AiohttpClient) -> None:
    async def listener() -> dict[str, object]:
        return {"ok": False, "optional": True, "age_s": 12}

    answer = await (await aiohttp_client(app_with(cache=listener))).get("/readyz")
    assert answer.status == 200
    assert (await answer.json())["checks"]["cache"]["age_s"] == 12


async def test_an_instance_that_finishes_is_not_sent_more(aiohttp_client: AiohttpClient) -> None:
    app = app_with()
    client = await aiohttp_client(app)
    app[READINESS].draining = True
    answer = await client.get("/readyz")
    assert (answer.status, (await answer.json())["status"]) == (503, "draining")
    assert (await client.get("/healthz")).status == 200


async def test_a_part_that_hangs_is_not_waited_for() -> None:
    async def hanging() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    import service.readiness as module

    module_timeout = module.PROBE_TIMEOUT_S
    assert module_timeout <= 2
    ready, checks = await asyncio.wait_for(Readiness({"database": hanging}).judge(), timeout=module_timeout + 2)
    assert (ready, checks["database"]["problem"]) == (False, "TimeoutError")


async def test_numbers_are_told_in_prometheus_format(aiohttp_client: AiohttpClient) -> None:
    app = app_with()
    app[METRICS].appended("DomainAdded", 2)
    app[METRICS].fetched("keys", "ok")
    app[METRICS].connection_cache_lag(0.3)
    answer = await (await aiohttp_client(app)).get("/metrics")
    text = await answer.text()
    assert answer.content_type == "text/plain"
    assert 'keyledger_appended_events_total{type="DomainAdded"} 2.0' in text
    assert 'keyledger_provider_fetches_total{outcome="ok",what="keys"} 1.0' in text
    assert "keyledger_connection_cache_lag_seconds_count 1.0" in text


WORKER = """
from service.metrics import Metrics
metrics = Metrics()
metrics.signed_in("ok")
metrics.answered("/account", 200, 0.01)
"""
READER = """
import json, sys
from service.metrics import Metrics
sys.stdout.write(json.dumps(Metrics().exposition().decode()))
"""


def test_numbers_of_several_workers_are_added_up(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def run(program: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    run(WORKER)
    run(WORKER)
    text = json.loads(run(READER))
    assert 'keyledger_sign_ins_total{reason="ok"} 2.0' in text
    assert 'keyledger_request_seconds_count{route="/account",status="200"} 2.0' in text
