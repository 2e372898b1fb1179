"""Checkpoints while the service runs: made on a schedule, and put where a change of the database does not reach."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog

from events.intake import LogDoesNotHold, tree_state
from events.notary import Notary
from events.sealing import KeyWrapper, SealError
from events.signed import latest_checkpoint
from events.signing import SigningKeys
from events.store import EventStore
from service.db import TROUBLE, borrowed
from service.publication import Endpoint, Published, publish
from service.settings import Settings

log = structlog.get_logger("checkpoints")


def open_notary(settings: Settings, store: EventStore, keys: KeyWrapper) -> Notary:
    """Return the log's notary. The log is named after the service's address at the time of its first checkpoint."""
    return Notary(store, SigningKeys(keys), f"{urlsplit(settings.public_url).netloc}/log")


def published_to(settings: Settings) -> Published:
    """Return the places outside to which checkpoints go."""
    url = settings.checkpoint_url
    return Published(settings.checkpoint_dir, None if url is None else Endpoint(url, settings.checkpoint_token))


@dataclass
class CheckpointMaker:
    """Makes a checkpoint whenever the log has grown, about every so many seconds, and publishes what was made.

    Every instance looks; one of them signs. ``trouble`` is what was in the way the last time.
    """

    notary: Notary
    places: Published
    every_s: float
    trouble: str | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            # Spread, so that of the instances the one that comes first has done the work of the others.
            await asyncio.sleep(self.every_s * random.uniform(0.75, 1.25))  # noqa: S311 - spreads, hides nothing
            await self.round()

    async def round(self) -> None:
        """Make and publish what is due. Whatever is in the way is told, and the next round tries again."""
        self.trouble = None
        try:
            if await self._is_due():
                await self.notary.try_make()
        except LogDoesNotHold as refused:
            self._troubled("log_does_not_hold", str(refused), position=refused.fault.position)
        except (*TROUBLE, SealError) as error:
            self._troubled("checkpoint_not_made", f"{type(error).__name__}: {error}")
        try:
            await publish(self.notary.store.pool, self.places)
        except TROUBLE as error:
            self._troubled("checkpoint_not_published", f"{type(error).__name__}: {error}")

    async def probe(self) -> Mapping[str, object]:
        """Tell readiness how it goes; people can sign in all the same."""
        return {"ok": self.trouble is None, "optional": True, **({"problem": self.trouble} if self.trouble else {})}

    async def _is_due(self) -> bool:
        async with borrowed(self.notary.store.pool) as connection:
            state, latest = await tree_state(connection), await latest_checkpoint(connection)
            head = await connection.fetchval("select coalesce(max(position), 0) from ledger.events")
        return bool(head != state.position or latest is None or latest.checkpoint.size != state.size)

    def _troubled(self, event: str, problem: str, **more: object) -> None:
        self.trouble = problem
        log.error(event, problem=problem, **more)
