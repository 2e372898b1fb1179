"""Whatever support, members and attackers do in whatever order, or at once: exactly those get in who may.

``MODEL_SEED`` walks one walk again that failed; ``MODEL_TIMES`` walks as many times as much, each walk a longer one.
"""

import os
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from support.database import Cluster
from support.walk import set_up, take_races, take_steps
from support.walk_cast import Walk
from support.walk_site import walking

TIMES: Final = int(os.environ.get("MODEL_TIMES", "1"))
STEPS: Final = int(os.environ.get("MODEL_STEPS", "30" if TIMES == 1 else "200"))
RACES: Final = int(os.environ.get("MODEL_RACES", "12" if TIMES == 1 else "60"))
SEED: Final = os.environ.get("MODEL_SEED")
FIXED: Final = (1, 2, 3)
EXPECTED: Final = {"sso in", "sso refused domain", "mailed link opens", "google mail", "require_sso"}
"""What has to have come to pass in the fixed walks, so that they are no walks of refusals."""


async def walk_once(postgres: Cluster, seed: int, take: Callable[[Walk, int], Awaitable[None]], many: int) -> Walk:
    """Take one walk on a database of its own. Returns it, ended."""
    database = postgres.create_database()
    try:
        async with walking(database, seed) as walk:
            try:
                await set_up(walk)
                await take(walk, many)
            except Exception as error:
                told = "\n".join(walk.story[-80:])
                again = f"MODEL_SEED={seed} MODEL_STEPS={STEPS} MODEL_RACES={RACES}"
                error.add_note(f"{again}\nWhat happened, the latest last:\n{told}")
                raise
            return walk
    finally:
        postgres.drop_database(database)


def any_seed() -> int:
    """Return the seed that is asked for, else one that nobody has chosen."""
    return secrets.randbits(32) if SEED is None else int(SEED)


@pytest.mark.skipif(SEED is not None, reason="one walk is asked for")
async def test_in_walks_that_are_always_the_same_exactly_those_get_in_who_may(postgres: Cluster) -> None:
    """After every step each browser opens what the model says; some owner has a way in, and in the end goes it."""
    done: Counter[str] = Counter()
    for seed in FIXED:
        done += Counter((await walk_once(postgres, seed, take_steps, STEPS)).done)
    assert done.keys() >= EXPECTED, done


@pytest.mark.parametrize("number", range(TIMES if SEED is None else 1))
async def test_in_walks_that_are_never_the_same_exactly_those_get_in_who_may(postgres: Cluster, number: int) -> None:
    await walk_once(postgres, any_seed(), take_steps, STEPS)


@pytest.mark.parametrize("number", range(TIMES if SEED is None else 1))
async def test_what_happens_at_once_ends_as_some_order_of_it_would_have(postgres: Cluster, number: int) -> None:
    """Callbacks, mailed links and changes meet; afterwards exactly those get in who may, and an owner has a way in."""
    walk = await walk_once(postgres, any_seed(), take_races, RACES)
    assert walk.done["races"] == RACES
