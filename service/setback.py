"""What an instance does when the log went back under it, since a backup was restored or a failover lost its end.

What was at hand is gone by then (projections/cache). What is left is to drop what connections remember, to say so, and
to keep saying so to readiness until an operator has begun a new epoch.
"""

from collections.abc import Callable, Mapping

import structlog

from projections.cache import Setback
from service.db import Pool

log = structlog.get_logger("setback")


class Setbacks:
    """The setbacks that this instance has noticed. ``count`` is how many.

    ``drops``: each of them drops something that was read before and is still in memory.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.drops: list[Callable[[], None]] = []
        self._last: Setback | None = None
        self.count = 0

    async def take(self, setback: Setback) -> None:
        """Take note of one."""
        self.count += 1
        self._last = setback
        for drop in self.drops:
            drop()
        # They prepared statements on tables that a restore may have put others in the place of.
        await self._pool.expire_connections()
        log.error("log_went_back", seen=setback.seen, head=setback.head, problem=_told(setback))

    async def probe(self) -> Mapping[str, object]:
        """Tell readiness of a setback after which no epoch was begun yet; people can sign in all the same."""
        last = self._last
        if last is not None:
            epoch: int | None = await self._pool.fetchval("select max(epoch) from ledger.epochs")
            if epoch is None or epoch <= last.before:
                return {"ok": False, "optional": True, "problem": _told(last)}
            self._last = None
        return {"ok": True, "optional": True}


def _told(setback: Setback) -> str:
    return (
        f"The log went back: the event at position {setback.seen} is not there any more, and the log ended at "
        f"{setback.head} when that was noticed. If a backup was restored, or a failover lost the end, run "
        "`keyledger restored --reason ...` once; what was handed out before is good again until then."
    )
