"""A database whose own clock stands still until it is turned, as the service's clock in tests does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
from pydantic import SecretStr
from support.database import Pool, TestDatabase

from service.db import open_pool

_OWN_CLOCK = """
    create schema turned;
    create table turned.clock (now timestamptz not null);
    insert into turned.clock values (pg_catalog.clock_timestamp());
    create function turned.clock_timestamp() returns timestamptz volatile language sql
        as 'select now from turned.clock';
    grant usage on schema turned to keyledger_runtime;
    grant select, update on turned.clock to keyledger_runtime;
    alter function ledger.append set search_path = turned, pg_catalog, pg_temp;
"""


@asynccontextmanager
async def turned_pool(database: TestDatabase) -> AsyncIterator[Pool]:
    """A pool of the runtime role, to which the database's clock shows what ``turn_database`` has set."""
    owner = await asyncpg.connect(database.owner_dsn)
    try:
        await owner.execute(_OWN_CLOCK)
        await owner.execute(f'alter database {database.name} set search_path = turned, pg_catalog, "$user", public')
    finally:
        await owner.close()
    async with open_pool(SecretStr(database.runtime_dsn), size=4) as pool:
        yield pool


async def turn_database(pool: Pool, now: datetime) -> None:
    """Set the database's clock."""
    await pool.execute("update turned.clock set now = $1", now)
