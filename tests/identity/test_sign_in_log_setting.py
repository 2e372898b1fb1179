"""The service keeps the sign-in log for as long as its setting says, and counts for operators what it removes."""

from datetime import timedelta

from aiohttp import web
from support.identity_world import World

from service.background import housekeeping
from service.clock import Clock
from service.identity.sign_in_log import SignIn, record
from service.keys import CLOCK, METRICS, POOL, SETTINGS
from service.metrics import Metrics
from service.settings import load_settings


async def test_the_setting_says_what_is_removed(world: World) -> None:
    for days in (4, 6):
        at = world.clock.now - timedelta(days=days)
        await record(world.pool, SignIn(at, "acme", "sso", "ok", f"r-{days}"))
    app = web.Application()
    clock: Clock = world.clock
    app[POOL], app[CLOCK], app[METRICS] = world.pool, clock, Metrics()
    app[SETTINGS] = load_settings(sign_in_log_days=5)
    assert await housekeeping(app).tidy_up()
    assert [row["request_id"] for row in await world.rows("sign_ins")] == ["r-4"]
    assert b'keyledger_removed_rows_total{what="sign-ins"} 1.0' in app[METRICS].exposition()
