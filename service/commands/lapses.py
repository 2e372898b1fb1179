"""Lifts an enforcement that nobody confirmed in time, so that nobody stays locked out by a mistake.

Every instance looks; the stream's version decides which one records it.
"""

import asyncio
import random
from typing import Final

import structlog

from events.catalogue.instants import write_instant
from events.commands.access import LapseEnforcement
from events.envelope import SYSTEM
from service.commands.asking import Asker
from service.commands.execute import WorkspaceCommands
from service.commands.proposals import Change, Explanation
from service.db import TROUBLE

log = structlog.get_logger("lapses")

EVERY_S: Final = 5.0
AT_ONCE: Final = 100
EXPLANATION: Final = Explanation(reason="Nobody signed in by SSO before the time that was set for it.")

# In any order: those that cannot be judged would stand first in every other one, and in the end before all others.
_DUE: Final = """
    select slug, document -> 'enforcement' ->> 'event_id' as event_id from projection.connections
    where lapses_at <= $1 order by random() limit $2
"""


class Lapses:
    """Looks for enforcements whose time is over."""

    def __init__(self, commands: WorkspaceCommands) -> None:
        self._commands = commands

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S * random.uniform(0.75, 1.25))  # noqa: S311 - spreads instances, hides nothing
            try:
                await self.lift_due()
            except TROUBLE:
                log.exception("lapses_not_judged")

    async def lift_due(self) -> int:
        """Judge the enforcements whose time is over. Returns how many of them this call lifted or confirmed."""
        pool = self._commands.resources.identity.pool
        # The database's clock, since it also judges the lapse: every instance sees the same moment.
        now = await pool.fetchval("select clock_timestamp()")
        judged = 0
        for row in await pool.fetch(_DUE, write_instant(now), AT_ONCE):
            judged += await self._judge(row["slug"], row["event_id"])
        return judged

    async def _judge(self, slug: str, event_id: str) -> int:
        change = Change(LapseEnforcement(event_id=event_id), EXPLANATION)
        try:
            outcome = await self._commands.execute(slug, [change], Asker(SYSTEM))
        except Exception:
            # Whatever is wrong with one workspace, the others must not stay locked out for it.
            log.exception("lapse_not_judged", workspace=slug)
            return 0
        return len(outcome.events)
