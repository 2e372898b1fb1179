"""The sign-in log: one row for each outcome, good or bad, with what it was judged on and no secret."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import structlog

from service.db import TROUBLE, is_away
from service.identity.resources import Executor, Pool
from service.identity.sign_in_bound import RowsAMinute
from service.identity.sign_in_row import InitiatedBy, SignIn

__all__ = ["COLUMNS", "InitiatedBy", "SignIn", "SignInLog", "record"]

log = structlog.get_logger("sign_in_log")

COLUMNS = (
    "at, workspace, method, reason, initiated_by, config_version, credentials_id, member_id, email, checks,"
    " detail, explanation, okta_field, request_id, counted"
)
_INSERT = f"""
    insert into identity.sign_ins ({COLUMNS})
    select * from unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[],
                         $8::uuid[], $9::text[], $10::jsonb[], $11::text[], $12::text[], $13::text[], $14::text[],
                         $15::jsonb[])
    returning sign_in_id
"""
_INSERT_ONCE = f"""
    insert into identity.sign_ins ({COLUMNS})
    select new.*
    from unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[],
                $8::uuid[], $9::text[], $10::jsonb[], $11::text[], $12::text[], $13::text[], $14::text[],
                $15::jsonb[])
        as new ({COLUMNS})
    where not exists (select from identity.sign_ins known where known.request_id = new.request_id)
"""
"""For rows whose first try lost its answer: a request that ends here has one row, so its id tells."""

QUEUE_LENGTH = 10_000
BATCH = 500
RETRY_S = 0.5
COUNT_S = 60


async def record(connection: Executor, entry: SignIn) -> int:
    """Write one row, in the caller's transaction if there is one. Returns its id."""
    values = [[value] for value in entry.values()]
    return int(await connection.fetchval(_INSERT, *values))


class SignInLog:
    """Writes outcomes in batches, for requests that must not write to the database themselves.

    The queue is bounded: what does not fit is counted and reported, never waited for. While the database is away,
    rows wait. What is more than ``RowsAMinute`` has room for is written as its count.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._queue: asyncio.Queue[SignIn] = asyncio.Queue(QUEUE_LENGTH)
        self._waiting: list[SignIn] = []
        self._lost = 0
        self._bound = RowsAMinute()
        self._counting: asyncio.TimerHandle | None = None

    def record_soon(self, entry: SignIn, *, proven: bool = False) -> None:
        """Write one row before long. ``proven``: it is about a sign-in that this browser has shown to have begun."""
        rows = self._bound.take(entry, proven=proven)
        if rows[-1:] != [entry] and self._counting is None:
            self._counting = asyncio.get_running_loop().call_later(COUNT_S, self._count)
        for row in rows:
            self._put(row)

    def _count(self) -> None:
        self._counting = None
        for row in self._bound.rest():
            self._put(row)

    def _put(self, entry: SignIn) -> None:
        try:
            self._queue.put_nowait(entry)
        except asyncio.QueueFull:
            self._lost += 1

    async def run(self) -> None:
        """Write until cancelled; what is queued by then is written before it ends."""
        try:
            while True:
                await _to_the_end(self._write([] if self._waiting else [await self._queue.get()]))
                if self._waiting:
                    await asyncio.sleep(RETRY_S)
        finally:
            await self._write_the_rest()

    async def _write_the_rest(self) -> None:
        if self._counting is not None:
            self._counting.cancel()
            self._count()
        while self._waiting or not self._queue.empty():
            await self._write([])
            if self._waiting:
                lost = len(self._waiting) + self._queue.qsize()
                log.error("sign-ins were not logged: the database is away", lost=lost)
                return

    async def _write(self, entries: list[SignIn]) -> None:
        statement = _INSERT_ONCE if self._waiting else _INSERT
        entries, self._waiting = self._waiting + entries, []
        while len(entries) < BATCH and not self._queue.empty():
            entries.append(self._queue.get_nowait())
        if self._lost:
            log.error("sign-ins were not logged: the database is too slow", lost=self._lost)
            self._lost = 0
        try:
            await self._pool.fetch(statement, *_columns(entries))
        except TROUBLE as error:
            if is_away(error):
                self._waiting = entries
            else:
                log.exception("sign-ins were not logged", lost=len(entries))


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Await work that is finished even when whoever awaits it is cancelled."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _columns(entries: Sequence[SignIn]) -> list[list[Any]]:
    return [list(column) for column in zip(*(entry.values() for entry in entries), strict=True)]
