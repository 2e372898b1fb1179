"""How long a fetched value counts, and how often it is fetched."""

import asyncio
from collections.abc import Mapping

import pytest
from support.oidc import TurnedClock, fails

from service.oidc.errors import OidcError
from service.oidc.freshness import MOST_ENTRIES, Bounds, FreshnessCache

BOUNDS = Bounds(shortest_s=10, longest_s=100, unsaid_s=50, kept_s=500, outlives=frozenset({"provider_unreachable"}))


class Source:
    """A source that counts what it is asked, fails when told to, and answers when let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failure: OidcError | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self, key: str) -> tuple[int, Mapping[str, str]]:
        """Answer with the number of the request."""
        self.asked.append(key)
        number = len(self.asked)
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return number, {}


@pytest.fixture
def source() -> Source:
    """A source."""
    return Source()


@pytest.fixture
def cache(source: Source, clock: TurnedClock) -> FreshnessCache[int]:
    """A cache over it."""
    return FreshnessCache(source.fetch, clock, BOUNDS)


DOWN = OidcError("provider_unreachable", "timeout", "It did not answer.")
OTHER = OidcError("issuer_mismatch", "discovery_issuer_mismatch", "It is another one.")


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", 50),
        ("max-age=60", 60),
        ("max-age=60, must-revalidate", 60),
        ("public,MAX-AGE=60", 60),
        ('max-age="60"', 60),
        ("max-age=3885115", 100),
        ("max-age=1", 10),
        ("no-store", 10),
        ("no-cache, max-age=60", 10),
        ("s-maxage=60", 50),
        ("max-age=soon", 50),
        ("max-age=-1", 50),
    ],
)
def test_freshness_follows_cache_control_within_bounds(cache_control: str, seconds: float) -> None:
    assert BOUNDS.fresh_s({"cache-control": cache_control}) == seconds


async def test_all_who_ask_at_once_share_one_fetch(cache: FreshnessCache[int], source: Source) -> None:
    source.open.clear()
    waiting = [asyncio.create_task(cache.get("a")) for _ in range(100)]
    await asyncio.sleep(0)
    source.open.set()
    assert set(await asyncio.gather(*waiting)) == {1}
    assert source.asked == ["a"]


async def test_one_who_goes_away_does_not_end_the_fetch_of_the_others(
    cache: FreshnessCache[int], source: Source
) -> None:
    source.open.clear()
    first, second = asyncio.create_task(cache.get("a")), asyncio.create_task(cache.get("a"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    source.open.set()
    assert await second == 1
    assert source.asked == ["a"]


async def test_h18_a_source_that_fails_is_left_alone_for_ten_seconds(
    cache: FreshnessCache[int], source: Source, clock: TurnedClock
) -> None:
    source.failure = DOWN
    errors = [await fails(cache.get("a")) for _ in range(5)]
    assert [error.detail for error in errors] == ["timeout"] * 5
    assert len({id(error) for error in errors}) == 5, "no error is raised twice"
    assert source.asked == ["a"]
    source.failure = None
    clock.advance(11)
    assert await cache.get("a") == 2


async def test_a_value_outlives_an_outage_but_not_for_ever(
    cache: FreshnessCache[int], source: Source, clock: TurnedClock
) -> None:
    assert await cache.get("a") == 1
    source.failure = DOWN
    clock.advance(499)
    assert await cache.get("a") == 1
    clock.advance(2)
    assert (await fails(cache.get("a"))).detail == "timeout"


async def test_a_value_does_not_outlive_what_contradicts_it(
    cache: FreshnessCache[int], source: Source, clock: TurnedClock
) -> None:
    assert await cache.get("a") == 1
    source.failure = OTHER
    assert (await fails(cache.renewed("a"))).reason == "issuer_mismatch"
    assert (await fails(cache.get("a"))).reason == "issuer_mismatch"
    source.failure = DOWN
    clock.advance(11)
    assert (await fails(cache.get("a"))).reason == "provider_unreachable"


async def test_the_number_of_values_is_bounded(cache: FreshnessCache[int], source: Source) -> None:
    for number in range(MOST_ENTRIES + 10):
        await cache.get(str(number))
    assert len(cache._entries) == MOST_ENTRIES
    assert cache.kept("0") is None
    assert cache.kept(str(MOST_ENTRIES)) is not None


async def test_a_fresh_value_is_not_fetched_again(
    cache: FreshnessCache[int], source: Source, clock: TurnedClock
) -> None:
    assert [await cache.get("a") for _ in range(3)] == [1, 1, 1]
    clock.advance(49)
    assert await cache.get("a") == 1
    clock.advance(2)
    assert await cache.get("a") == 2


async def test_what_contradicts_a_value_is_told_at_once(
    cache: FreshnessCache[int], source: Source, clock: TurnedClock
) -> None:
    assert await cache.get("a") == 1
    clock.advance(51)
    source.failure = OTHER
    assert (await fails(cache.get("a"))).reason == "issuer_mismatch"
