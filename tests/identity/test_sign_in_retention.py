"""Sign-ins that are older than the log is kept are removed; how many there were, and what rests on them, stays."""

import asyncio
import random
import sys
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from support.database import TestDatabase, on_both_servers
from support.identity_values import ISSUER, Proven
from support.identity_world import Begun, World, credentials_data

from events.catalogue.access import EnforcementConfirmed, EnforcementEnabled
from events.catalogue.credentials import CredentialsSet
from events.catalogue.instants import write_instant
from service.commands.facts import _SSO_SINCE
from service.commands.sign_in_counts import count_sign_ins
from service.db import transaction
from service.identity.facts import member_facts
from service.identity.housekeeping import Housekeeping
from service.identity.sign_in_log import SignIn, SignInLog, record
from service.identity.sign_in_retention import SignInRetention, was_removed
from service.identity.sign_in_row import InitiatedBy

DAYS = 30
FOREVER = (date(2020, 1, 1), date(2030, 1, 1))
Kind = tuple[str, date, str, str, str | None]


def keeper(world: World, days: int = DAYS, at_once: int = 7) -> Housekeeping:
    return Housekeeping(world.pool, world.clock, timedelta(days=days), at_once=at_once)


async def write(world: World, at: datetime, **changes: object) -> int:
    values = {"workspace": "acme", "method": "sso", "reason": "ok", "request_id": "r-1", **changes}
    return await record(world.pool, SignIn(at=at, **values))  # type: ignore[arg-type]


async def told(world: World, *slugs: str) -> Counter[Kind]:
    """Return the answer for all days."""
    return Counter(
        {
            (slug, one.day, one.method, one.reason, one.initiated_by): one.times
            for slug in slugs or ("acme", "globex")
            for one in await count_sign_ins(world.pool, slug, *FOREVER)
        }
    )


async def many(world: World, rows: int) -> Counter[Kind]:
    """Write rows of the last ninety days, near midnight among them. Returns how many of each kind there are."""
    dice, expected = random.Random(7), Counter[Kind]()  # noqa: S311 - no secret
    await world.register("globex", domain="globex.example")
    midnight = world.clock.now.replace(hour=0, minute=0)
    starts: tuple[InitiatedBy | None, ...] = ("app", "okta", "test", None)
    for seconds in sorted(
        (dice.choice([0, 1, 86_399, 43_200]) + dice.randrange(90) * 86_400 for _ in range(rows)), reverse=True
    ):
        at = midnight - timedelta(seconds=seconds)
        slug, method = dice.choice(["acme", "globex"]), dice.choice(["sso", "google", "magic_link"])
        reason, start = dice.choice(["ok", "domain_not_allowed"]), dice.choice(starts)
        counted = {"ok": 2, "attempt_missing": 41} if dice.random() < 0.1 else None
        await write(world, at, workspace=slug, method=method, reason=reason, initiated_by=start, counted=counted)
        for one, times in (counted or {reason: 1}).items():
            expected[slug, at.date(), method, one, start] += times
    return expected


@on_both_servers
async def test_the_answer_for_a_period_does_not_change_when_rows_are_removed(world: World) -> None:
    """Not batch by batch, at no midnight, and not where a row stands for many outcomes; old rows are gone after it."""
    expected = await many(world, 300)
    assert await told(world) == expected
    retention, more = SignInRetention(world.clock.now - timedelta(days=DAYS), 40), True
    while more:
        async with transaction(world.pool) as connection:
            _, more = await retention.remove(connection)
        assert await told(world) == expected
    rows = await world.rows("sign_ins")
    assert 0 < len(rows) < 300
    assert min(row["at"] for row in rows) >= world.clock.now - timedelta(days=DAYS)
    first = (world.clock.now - timedelta(days=40)).date()
    some = await count_sign_ins(world.pool, "acme", first, first + timedelta(days=20))
    days = {one.day for one in some}
    assert (min(days), max(days)) == (first, first + timedelta(days=20))


async def test_of_several_instances_at_once_each_row_is_counted_by_one(world: World) -> None:
    expected = await many(world, 200)
    done = [False]
    while not any(done):
        done = await asyncio.gather(*(keeper(world).tidy_up() for _ in range(4)))
    assert await keeper(world).tidy_up()
    assert await told(world) == expected
    kept = sum(
        times
        for (*_, day, _m, _r, _s), times in expected.items()
        if day > (world.clock.now - timedelta(days=DAYS)).date()
    )
    assert 0 < len(await world.rows("sign_ins")) <= kept + 20


async def test_a_batch_that_does_not_commit_has_removed_and_counted_nothing(world: World) -> None:
    expected = await many(world, 50)
    with suppress(InterruptedError):
        async with transaction(world.pool) as connection:
            assert await SignInRetention(world.clock.now, 40).remove(connection) == (40, True)
            raise InterruptedError
    assert len(await world.rows("sign_ins")) == 50
    assert await world.rows("sign_in_counts") == []
    assert await told(world) == expected


KILLED = """
import asyncio, sys
from datetime import datetime, timedelta
from pydantic import SecretStr
from service.db import open_pool
from service.identity.housekeeping import Housekeeping

async def main(url, now):
    async with open_pool(SecretStr(url), size=2) as pool:
        await Housekeeping(pool, lambda: now, timedelta(days=30), at_once=3).tidy_up()

asyncio.run(main(sys.argv[1], datetime.fromisoformat(sys.argv[2])))
"""


async def test_after_a_kill_the_next_round_goes_on_and_no_row_is_counted_twice_or_lost(
    world: World, database: TestDatabase
) -> None:
    expected = await many(world, 400)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, database.runtime_dsn, world.clock.now.isoformat()
    )
    async with asyncio.timeout(60):
        while not await world.rows("sign_in_counts"):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0)
    process.kill()
    await process.wait()
    assert min(row["at"] for row in await world.rows("sign_ins")) < world.clock.now - timedelta(days=DAYS)
    assert await told(world) == expected
    async with asyncio.timeout(60):
        # The killed process' last statement may still be running in the database.
        while not await keeper(world).tidy_up():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0)
    assert await told(world) == expected
    assert min(row["at"] for row in await world.rows("sign_ins")) >= world.clock.now - timedelta(days=DAYS)


async def test_another_setting_takes_effect_at_the_next_round(world: World) -> None:
    await many(world, 60)
    before = await told(world)
    await keeper(world, days=400).tidy_up()
    assert len(await world.rows("sign_ins")) == 60
    await keeper(world, days=10).tidy_up()
    assert min(row["at"] for row in await world.rows("sign_ins")) >= world.clock.now - timedelta(days=10)
    await keeper(world, days=400).tidy_up()
    assert await told(world) == before


async def test_a_row_that_somebody_is_changing_is_left_to_the_next_round_and_not_waited_for(world: World) -> None:
    """As when a person is erased from the log at this moment."""
    ids = [await write(world, world.clock.now - timedelta(days=31)) for _ in range(3)]
    async with transaction(world.pool) as connection:
        await connection.execute("update identity.sign_ins set email = null where sign_in_id = $1", ids[1])
        async with asyncio.timeout(5):
            assert await keeper(world).tidy_up()
        assert [row["sign_in_id"] for row in await world.rows("sign_ins")] == [ids[1]]
    await keeper(world).tidy_up()
    assert await world.rows("sign_ins") == []
    assert sum((await told(world)).values()) == 3


async def test_addresses_that_are_no_workspace_are_counted_together(world: World) -> None:
    """Whoever makes a new one up each time fills no table for ever."""
    for number in range(20):
        await write(world, world.clock.now - timedelta(days=31), workspace=f"made-up-{number}", reason="not_found")
    await keeper(world).tidy_up()
    (row,) = await world.rows("sign_in_counts")
    assert (row["workspace"], row["times"]) == ("", 20)


async def test_nothing_that_stays_is_about_a_person(world: World) -> None:
    await write(world, world.clock.now - timedelta(days=31), email="ada@acme.example", checks={"domain": "ok"})
    await keeper(world).tidy_up()
    (row,) = await world.rows("sign_in_counts")
    assert set(row) == {"workspace", "day", "method", "reason", "initiated_by", "times"}
    assert "ada" not in str(row)


async def test_what_a_flood_was_counted_as_is_counted(world: World) -> None:
    log = SignInLog(world.pool)
    for number in range(70):
        reason = "attempt_missing" if number % 2 else "attempt_expired"
        log.record_soon(SignIn(world.clock.now, "acme", "sso", reason, f"r-{number}", config_version=4))
    await log._write_the_rest()
    assert len(await world.rows("sign_ins")) == 61
    world.clock.turn(days=31)
    await keeper(world).tidy_up()
    counted = {reason: times for (*_, reason, _), times in (await told(world, "acme")).items()}
    assert counted == {"attempt_missing": 35, "attempt_expired": 35}


async def test_e1_a_sign_in_that_keeps_a_requirement_from_lapsing_stays_until_that_is_settled(world: World) -> None:
    """However short the log is kept, and however long nobody came to judge it."""
    await write(world, world.clock.now - timedelta(days=3))
    now = datetime.now(UTC)
    await world.append("acme", [EnforcementEnabled(confirm_by=write_instant(now + timedelta(minutes=5)))])
    enforcement = (await world.workspace()).enforcement
    assert enforcement is not None
    await write(world, now + timedelta(seconds=1))
    world.clock.now = now + timedelta(days=2)
    await keeper(world, days=1).tidy_up()
    assert len(await world.rows("sign_ins")) == 1
    assert await world.pool.fetchval(_SSO_SINCE, "acme", enforcement.event_id)
    await world.append("acme", [EnforcementConfirmed()])
    await keeper(world, days=1).tidy_up()
    assert await world.rows("sign_ins") == []


async def test_s6_who_lately_came_in_by_sso_or_by_a_test_is_known_after_the_rows_are_gone(world: World) -> None:
    """A way in of the last thirty days counts also where the log is kept for a day."""
    await world.sign_in()
    grace = await world.member("grace@acme.example", "owner")
    for days, reason in ((5, "ok"), (4, "ok"), (3, "code_rejected")):
        at = world.clock.now - timedelta(days=days)
        await write(world, at, initiated_by="test", credentials_id="c-1", member_id=grace, reason=reason)
    world.clock.turn(days=2)
    async with transaction(world.pool) as connection:
        before = await member_facts(connection, await world.workspace())
        assert sorted(len(one.links) for one in before) == [1, 1]
    await keeper(world, days=1, at_once=1).tidy_up()
    assert await world.rows("sign_ins") == []
    async with transaction(world.pool) as connection:
        assert await member_facts(connection, await world.workspace()) == before
    (link,) = next(one for one in before if one.member_id == str(grace)).links
    assert (link.issuer, link.last_success_at) == (ISSUER, world.clock.now - timedelta(days=6))


async def test_what_tests_showed_of_credentials_that_are_not_kept_goes_with_the_next_test(world: World) -> None:
    for days in (9, 8):
        await write(world, world.clock.now - timedelta(days=days), initiated_by="test", credentials_id="c-1")
    await write(world, world.clock.now - timedelta(days=7), initiated_by="test", credentials_id="c-unknown")
    await keeper(world, days=1).tidy_up()
    assert [row["credentials_id"] for row in await world.rows("removed_tests")] == ["c-1"]
    await world.append("acme", [credentials_data(CredentialsSet, credentials_id="c-2")])
    await write(world, world.clock.now - timedelta(days=6), initiated_by="test", credentials_id="c-2")
    await keeper(world, days=1).tidy_up()
    assert [row["credentials_id"] for row in await world.rows("removed_tests")] == ["c-2"]


async def test_a_connection_stays_proven_and_is_proven_once_also_when_the_log_forgets(world: World) -> None:
    await world.sign_in()
    world.clock.turn(days=2)
    await keeper(world, days=1).tidy_up()
    await world.sign_in(Proven(), begun=Begun())
    state = await world.workspace()
    assert state.credentials is not None
    assert state.credentials.proven
    assert (await world.event_types()).count("ConnectionProven") == 1


async def test_an_id_that_was_removed_is_told_from_one_that_never_was(world: World) -> None:
    old = await write(world, world.clock.now - timedelta(days=31))
    kept = await write(world, world.clock.now)
    assert not await was_removed(world.pool, old)
    await keeper(world).tidy_up()
    assert [await was_removed(world.pool, one) for one in (old, kept, kept + 1, 0)] == [True, False, False, False]
