"""Deletes what has served its time. Every process runs it; of several at once, one does the work."""

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from service.clock import Clock
from service.db import TROUBLE, transaction
from service.identity.resources import Pool
from service.identity.sign_in_log import delete_older

log = structlog.get_logger("housekeeping")

EVERY_S: Final = 60.0
LOCK: Final = 7_311_142_311
SIGN_INS_AT_ONCE: Final = 5_000

_DELETIONS: Final = {
    "spent attempts": "delete from identity.spent_attempts where expires_at <= $1",
    "sessions": "delete from identity.sessions where absolute_expires_at <= $1",
    "idempotency keys": "delete from identity.idempotency where created_at <= $1::timestamptz - interval '24 hours'",
    "link confirmations": """
        delete from identity.link_confirmations where expires_at <= $1::timestamptz - interval '1 day'
    """,
    "magic links": "delete from identity.magic_links where expires_at <= $1::timestamptz - interval '1 hour'",
    "limited sessions": "delete from identity.limited_sessions where expires_at <= $1",
    "recovery requests": "delete from identity.recovery_requests where expires_at <= $1",
    "mails with magic links": """
        delete from identity.outbox where kind in ('magic_link', 'confirm_google', 'recovery')
        and coalesce(sent_at, given_up_at, created_at) <= $1::timestamptz - interval '1 day'
    """,
    "identity conflicts": "delete from identity.identity_conflicts where at <= $1::timestamptz - interval '30 days'",
    "mails": """
        delete from identity.outbox where coalesce(sent_at, given_up_at) <= $1::timestamptz - interval '30 days'
    """,
}


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """``keep_sign_ins`` is how long the sign-in log is kept."""

    pool: Pool
    clock: Clock
    keep_sign_ins: timedelta

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
        """Delete what has expired. ``False`` when another process is at it."""
        now = self.clock()
        async with transaction(self.pool) as connection:
            if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", LOCK):
                return False
            for what, statement in _DELETIONS.items():
                status = await connection.execute(statement, now)
                count = int(status.rpartition(" ")[2])
                if count:
                    log.debug("tidied up", what=what, count=count)
            await delete_older(connection, now, self.keep_sign_ins, SIGN_INS_AT_ONCE)
        return True
