"""Removes what has served its time. Every process runs it; of several at once, one does the work.

Each batch is a transaction of its own, so that nobody waits long for it, and so that where the process dies the others
go on from there.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias

import structlog

from service.clock import Clock
from service.db import TROUBLE, Connection, is_away, transaction
from service.identity.removals import REMOVALS, Removal
from service.identity.resources import Pool
from service.identity.sign_in_retention import SignInRetention

log = structlog.get_logger("housekeeping")

EVERY_S: Final = 60.0
LOCK: Final = 7_311_142_311
AT_ONCE: Final = 2_000
BATCHES: Final = 100
"""So many batches of one kind in a round at most, so that all kinds have their turn."""
PAUSE_S: Final = 0.02
"""After a full batch: requests have the database for themselves in between."""

Batch: TypeAlias = Callable[[Connection], Awaitable[tuple[int, bool]]]
"""Removes a batch of rows, in the caller's transaction. Returns how many, and whether there may be more."""


def _uncounted(_what: str, _rows: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """``keep_sign_ins`` is how long the sign-in log is kept; ``removed`` is told how many rows of which kind went."""

    pool: Pool
    clock: Clock
    keep_sign_ins: timedelta
    removed: Callable[[str, int], None] = _uncounted
    at_once: int = AT_ONCE

    async def run(self) -> None:
        """Tidy up about once a minute until cancelled."""
        while True:
            # Spread, so that processes started together do not all try at once.
            await asyncio.sleep(EVERY_S * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
            try:
                await self.tidy_up()
            except TROUBLE:
                log.exception("tidying up failed; the next round tries again")

    async def tidy_up(self) -> bool:
        """Remove what has expired. ``False`` when another process is at it."""
        for what, batch in self._kinds(self.clock()):
            try:
                if not await self._remove(what, batch):
                    return False
            except TROUBLE as error:
                if is_away(error):
                    raise
                # What is wrong with one kind keeps none of the others back.
                log.exception("tidying up failed; the next round tries again", what=what)
        return True

    def _kinds(self, now: datetime) -> Iterator[tuple[str, Batch]]:
        for removal in REMOVALS:
            yield removal.what, partial(_delete, removal, now, self.at_once)
        yield "sign-ins", SignInRetention(now - self.keep_sign_ins, self.at_once).remove

    async def _remove(self, what: str, batch: Batch) -> bool:
        total = 0
        for _ in range(BATCHES):
            async with transaction(self.pool) as connection:
                if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", LOCK):
                    return False
                rows, more = await batch(connection)
            total += rows
            if rows:
                self.removed(what, rows)
            if not more:
                break
            await asyncio.sleep(PAUSE_S)
        if total:
            log.debug("tidied up", what=what, rows=total)
        return True


async def _delete(removal: Removal, now: datetime, most: int, connection: Connection) -> tuple[int, bool]:
    status = await connection.execute(removal.statement, now, most)
    rows = int(status.rpartition(" ")[2])
    return rows, rows == most
