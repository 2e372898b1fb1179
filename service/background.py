"""What goes on beside the requests, for as long as the application runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import structlog
from aiohttp import web

from service.checkpoints import CheckpointMaker, published_to
from service.commands.lapses import Lapses
from service.identity.housekeeping import Housekeeping
from service.keys import (
    CLOCK,
    COMMANDS,
    METRICS,
    NOTARY,
    OUTBOX,
    POOL,
    PROJECTOR,
    READINESS,
    SETTINGS,
    SIGN_IN_LOG,
    WEBHOOK_SENDER,
)

RESTART_PAUSE_S: Final = 5.0

log = structlog.get_logger("app")

Work = Callable[[web.Application], Coroutine[Any, Any, None]]


async def keep_running(work: Work, app: web.Application, pause_s: float = RESTART_PAUSE_S) -> None:
    """Do the work until it ends by itself, and begin it again whenever it fails: nobody would see it missing."""
    while True:
        try:
            await work(app)
        except Exception:
            log.exception("background_work_failed")
            await asyncio.sleep(pause_s)
        else:
            return


def running(work: Work) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the context in which this work goes on beside the requests."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(keep_running(work, app))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return context


async def _make_checkpoints(app: web.Application) -> None:
    settings = app[SETTINGS]
    maker = CheckpointMaker(app[NOTARY], published_to(settings), settings.checkpoint_seconds)
    app[READINESS].probes["checkpoints"] = maker.probe
    await maker.run()


def housekeeping(app: web.Application) -> Housekeeping:
    """Return what removes rows when their time is over, as the settings have it."""
    keep = timedelta(days=app[SETTINGS].sign_in_log_days)
    return Housekeeping(app[POOL], app[CLOCK], keep, app[METRICS].removed)


WORK: Final[tuple[Work, ...]] = (
    lambda app: app[SIGN_IN_LOG].run(),
    lambda app: app[PROJECTOR].run(),
    lambda app: housekeeping(app).run(),
    lambda app: Lapses(app[COMMANDS]).run(),
    _make_checkpoints,
    lambda app: app[WEBHOOK_SENDER].run(),
    lambda app: app[OUTBOX].run(),
)
