"""Attempts that are used up together, by browsers that send several to several instances at the same moment."""

import asyncio
from datetime import timedelta

from support.database import Pool
from support.identity_values import NOW
from support.waiting import until_somebody_waits

from service.db import transaction
from service.identity.spent import AttemptsSpent, spend

FIRST, SECOND = bytes(32), b"\1" * 32
END = NOW + timedelta(hours=1)


async def test_attempts_sent_to_two_instances_in_opposite_orders_stop_nobodys_sign_in(pool: Pool) -> None:
    """Whoever sends two attempts crosswise must not have the sign-ins fail that are written along with theirs."""
    here = AttemptsSpent(pool)
    async with transaction(pool) as elsewhere:
        assert await spend(elsewhere, FIRST, END)
        asked = [asyncio.create_task(here.spend(digest, END, NOW)) for digest in (SECOND, FIRST)]
        await until_somebody_waits(pool)
        assert await spend(elsewhere, SECOND, END)
    assert await asyncio.gather(*asked) == [False, False]
