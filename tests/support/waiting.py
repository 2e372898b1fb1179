"""Waits for another transaction to be held up, so that a race runs the way that a test means it to."""

import asyncio

from support.database import Pool


async def until_somebody_waits(pool: Pool) -> None:
    """Return once some connection to the database waits for a lock."""
    async with asyncio.timeout(20):
        while not await pool.fetchval("select count(*) from pg_locks where not granted"):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0)
