"""Housekeeping, the batch writer of the sign-in log, and the confirming form that signs in as somebody else."""

import asyncio
from datetime import timedelta

import pytest
from support.identity_values import Proven
from support.identity_world import Begun, World, live

from events.domains import parse_address
from service.identity import sign_in_log
from service.identity.housekeeping import LOCK, Housekeeping
from service.identity.magic_link import request_magic_link
from service.identity.names import display_name
from service.identity.sign_in_bound import PEOPLE
from service.identity.sign_in_log import SignIn, SignInLog
from service.identity.spent import spend
from service.identity.switch import LIFETIME, open_switch, seal_switch

KEEP = timedelta(days=30)


def refused(world: World, **changes: object) -> SignIn:
    values: dict[str, object] = {"method": "sso", "reason": "workspace_unavailable", "request_id": "r-9", **changes}
    return SignIn(at=world.clock.now, workspace="acme", **values)  # type: ignore[arg-type]


async def tidy(world: World) -> bool:
    return await Housekeeping(world.pool, world.clock, KEEP).tidy_up()


async def test_what_has_expired_is_deleted_and_the_rest_stays(world: World) -> None:
    await world.sign_in()
    await spend(world.pool, b"\0" * 32, world.clock.now + timedelta(hours=1))
    await tidy(world)
    assert [len(await world.rows(table)) for table in ("sessions", "spent_attempts", "sign_ins")] == [1, 1, 1]
    world.clock.turn(days=31)
    await tidy(world)
    assert [len(await world.rows(table)) for table in ("sessions", "spent_attempts", "sign_ins")] == [0, 0, 0]


async def test_addresses_that_were_typed_for_a_link_are_not_kept(world: World) -> None:
    """Also where no mail goes out at all, so that nobody finds out that one leads to nobody."""
    await request_magic_link(world.resources, parse_address("nobody@acme.example"))
    await tidy(world)
    assert [len(await world.rows(table)) for table in ("magic_links", "outbox")] == [1, 1]
    world.clock.turn(days=1)
    await tidy(world)
    assert [len(await world.rows(table)) for table in ("magic_links", "outbox")] == [0, 0]


async def test_one_of_several_processes_tidies_up(world: World) -> None:
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
        assert not await tidy(world)
    assert await tidy(world)


async def test_something_is_used_once_whoever_asks(world: World) -> None:
    """Of many that try at once, one is told that it was the first."""
    ends = world.clock.now + timedelta(minutes=30)
    tries = await asyncio.gather(*(spend(world.pool, b"\1" * 32, ends) for _ in range(8)))
    assert sorted(tries) == [False] * 7 + [True]


async def test_refused_initiates_are_logged_in_batches_before_the_writer_ends(world: World) -> None:
    writer = SignInLog(world.pool)
    running = asyncio.create_task(writer.run())
    for number in range(1200):
        if number % PEOPLE == 0:
            world.clock.turn(minutes=1)
        writer.record_soon(refused(world, request_id=f"r-{number}"), proven=True)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(await world.rows("sign_ins")) == 1200


async def test_the_queue_is_bounded_and_never_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_log, "QUEUE_LENGTH", 10)
    writer = SignInLog(world.pool)
    for _ in range(25):
        writer.record_soon(refused(world))
    running = asyncio.create_task(writer.run())
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(await world.rows("sign_ins")) == 10


async def test_hostile_text_in_the_log_is_bounded(world: World) -> None:
    entry = refused(world, email="a\0" * 400, explanation="x" * 5000, okta_field="y" * 500, detail="z" * 500)
    await sign_in_log.record(world.pool, entry)
    (row,) = await world.rows("sign_ins")
    assert (len(row["email"]), len(row["explanation"]), "\0" in row["email"]) == (320, 1000, False)


async def test_a_confirming_form_works_once_and_in_its_own_session_alone(world: World) -> None:
    ada, eve = live((await world.sign_in()).session), live((await world.sign_in()).session)
    field = seal_switch(world.resources, ada, "acme", Begun(), Proven(subject="00u-grace"), "/reports")
    assert await open_switch(world.resources, eve, field) is None
    assert await open_switch(world.resources, None, field) is None
    kept = await open_switch(world.resources, ada, field)
    assert kept is not None
    assert (kept.slug, kept.credentials_id, kept.target, kept.person.subject) == (
        "acme",
        "c-1",
        "/reports",
        "00u-grace",
    )
    assert await open_switch(world.resources, ada, field) is None


async def test_a_confirming_form_ends_after_ten_minutes(world: World) -> None:
    ada = live((await world.sign_in()).session)
    field = seal_switch(world.resources, ada, "acme", Begun(), Proven(), None)
    world.clock.now += LIFETIME
    assert await open_switch(world.resources, ada, field) is None


@pytest.mark.parametrize("field", ["", "x", "A" * 100, "A" * 20_000])
async def test_a_forged_confirming_form_is_refused(world: World, field: str) -> None:
    ada = live((await world.sign_in()).session)
    assert await open_switch(world.resources, ada, field) is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Ada King", "Ada King"),
        ("  Ada \n King ", "Ada King"),
        ("Ada\u202eKing\u200b", "AdaKing"),
        ("\0", None),
        ("", None),
        (None, None),
        ("x" * 500, "x" * 200),
    ],
    ids=["plain", "spaces", "bidi", "NUL", "empty", "none", "long"],
)
def test_a_name_is_shown_on_one_line_without_characters_that_hide(given: str | None, shown: str | None) -> None:
    assert display_name(given) == shown
