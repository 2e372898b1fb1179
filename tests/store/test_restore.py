"""A dump that is restored elsewhere is the same ledger: it verifies, refuses changes, and goes on where it ended."""

import asyncio
import subprocess

import asyncpg
import pytest
from pydantic import SecretStr
from support.database import DEBIAN, DEBIAN_BINARIES, Cluster, Pool, TestDatabase
from support.ledger import ADA, domain, record, register

from events.envelope import NewEvent
from events.store import EventStore
from events.verify import verify_log
from projections.connection import load_connection
from service.db import open_pool


def copied(source: str, target: str) -> None:
    """Dump one database and restore it into another, empty one, as a superuser."""
    dump = subprocess.run([DEBIAN_BINARIES / "pg_dump", source], capture_output=True, check=True)
    quiet = ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]
    subprocess.run([DEBIAN_BINARIES / "psql", *quiet, target], input=dump.stdout, capture_output=True, check=True)


@pytest.mark.parametrize("postgres", [DEBIAN], indirect=True)
async def test_case_12_a_restored_dump_verifies_and_goes_on(
    postgres: Cluster, pool: Pool, database: TestDatabase, empty_database: TestDatabase
) -> None:
    """Store case 12: dump, restore into a fresh database, verify, read, append; a new epoch tells readers."""
    store = EventStore(pool)
    state = await record(store, await register(store, "acme"), *(domain(number) for number in range(20)))
    await asyncio.to_thread(copied, database.superuser_dsn, empty_database.superuser_dsn)
    async with open_pool(SecretStr(empty_database.runtime_dsn), size=3) as restored_pool:
        restored = EventStore(restored_pool)
        owner = await asyncpg.connect(empty_database.owner_dsn)
        epoch = await owner.fetchval("select ledger.begin_epoch('restored from the nightly backup')")
        assert epoch > (await store.head()).epoch
        assert await restored.read_all() == await store.read_all()
        assert (await verify_log(restored)).fault is None
        found = await load_connection(restored_pool, "acme")
        assert found is not None
        assert found.to_document() == state.to_document()
        appended = await restored.append("acme", state.version, store.prepare([NewEvent.of(domain(99))], ADA))
        assert appended.recorded[0].position > (await store.head()).position
        head = await restored.head()
        assert (head.size, head.epoch) == (22, epoch)
        assert (await verify_log(restored)).fault is None
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            await owner.execute("delete from ledger.events")
        await owner.close()
