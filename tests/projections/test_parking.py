"""An event that cannot be taken in parks its own stream; everybody else goes on, and nothing is lost."""

import pytest
from support.database import Pool, on_both_servers
from support.following import TABLE, Seen, expected
from support.ledger import domain, record, register

from events.store import EventStore
from events.workspace import Workspace
from projections.parking import StillParked, read_parked, unpark
from projections.projector import BACKOFF_S, Projector

POISON = domain(666)
ATTEMPTS = 3


@pytest.fixture
async def store(pool: Pool, owner_pool: Pool) -> EventStore:
    await owner_pool.execute(TABLE)
    return EventStore(pool)


class Waits(list[float]):
    """A sleep that takes no time and notes how long it would have been."""

    async def __call__(self, seconds: float) -> None:
        """Note a wait."""
        self.append(seconds)


async def interleaved(store: EventStore, place: int, length: int) -> dict[str, Workspace]:
    """Fill a log of ``length`` events of two streams in which the one at ``place`` is poison, in the stream acme."""
    states = {slug: await register(store, slug) for slug in ("acme", "other")}
    for number in range(length):
        slug = "acme" if number == place or number % 2 else "other"
        event = POISON if number == place else domain(number)
        states[slug] = await record(store, states[slug], event)
    return states


def projector(store: EventStore, seen: Seen, waits: Waits) -> Projector:
    return Projector(store, seen, batch=10, attempts=ATTEMPTS, sleep=waits)


@on_both_servers
@pytest.mark.parametrize("place", [0, 7, 8, 19])
async def test_case_8_a_poison_event_parks_its_stream_after_a_few_tries_and_the_others_go_on(
    store: EventStore, place: int
) -> None:
    """Store case 8: at a batch's start, middle and end: what came before stays, the count outlives rollbacks."""
    await interleaved(store, place, 20)
    seen, waits = Seen(), Waits()
    seen.poison = {POISON.domain}
    await projector(store, seen, waits).catch_up()
    (parked,) = await read_parked(store.pool, seen.name)
    events = await store.read_all()
    bad = next(event for event in events if event.data.get("domain") == POISON.domain)
    assert (parked.stream_id, parked.position, parked.attempts) == ("acme", bad.position, ATTEMPTS)
    assert parked.parked_at is not None
    assert parked.error == f"ValueError: cannot take in {POISON.domain}"
    wanted = [row for row in await expected(store.pool) if row[1] == "other" or row[0] < bad.position]
    assert await seen.rows(store.pool) == wanted
    assert waits == [BACKOFF_S * 2**attempt for attempt in range(ATTEMPTS - 1)]


@on_both_servers
async def test_case_8_an_un_parked_stream_is_taken_in_in_order_and_followed_again(store: EventStore) -> None:
    """Store case 8: once the cause is mended, what was left out comes back in order, and the next events too."""
    states = await interleaved(store, 5, 20)
    seen = Seen()
    seen.poison = {POISON.domain}
    follower = projector(store, seen, Waits())
    await follower.catch_up()
    await record(store, states["acme"], domain(100))
    await follower.catch_up()
    before = len(await seen.rows(store.pool))
    with pytest.raises(StillParked, match="cannot take in"):
        await unpark(store, seen, "acme")
    assert [one.attempts for one in await read_parked(store.pool, seen.name)] == [ATTEMPTS + 1]
    assert len(await seen.rows(store.pool)) == before
    seen.poison, seen.delivered = set(), []
    assert await unpark(store, seen, "acme") == len(seen.delivered) > 1
    assert seen.delivered == sorted(seen.delivered)
    assert await read_parked(store.pool, seen.name) == []
    assert await seen.rows(store.pool) == await expected(store.pool)
    await record(store, states["other"], domain(101))
    assert await follower.catch_up() == 1
    assert await seen.rows(store.pool) == await expected(store.pool)


async def test_trouble_that_is_gone_at_the_next_try_parks_nobody(store: EventStore) -> None:
    await interleaved(store, 5, 20)
    seen = Seen()
    seen.poison = {POISON.domain}
    waits = Waits()
    follower = projector(store, seen, waits)
    step = await follower.step()
    assert step.stumbled is not None
    assert step.stumbled.parked_at is None
    seen.poison = set()
    await follower.catch_up()
    assert await read_parked(store.pool, seen.name) == []
    assert await seen.rows(store.pool) == await expected(store.pool)


async def test_trouble_with_the_projection_itself_parks_nobody(store: EventStore, owner_pool: Pool) -> None:
    """A missing table is no event's fault: the projection stops instead of parking every workspace there is."""
    await interleaved(store, 5, 20)
    await owner_pool.execute("alter table projection.seen_v1 rename to gone")
    seen = Seen()
    with pytest.raises(Exception, match="seen_v1"):
        await projector(store, seen, Waits()).step()
    assert await read_parked(store.pool, seen.name) == []
    await owner_pool.execute("alter table projection.gone rename to seen_v1")
    await projector(store, seen, Waits()).catch_up()
    assert await seen.rows(store.pool) == await expected(store.pool)


async def test_a_stream_that_is_not_parked_has_nothing_to_take_up(store: EventStore) -> None:
    await register(store, "acme")
    assert await unpark(store, Seen(), "acme") == 0
