"""Whatever support, members and attackers do in whatever order: exactly those get in who may.

``MODEL_SEED`` walks one walk again that failed; ``MODEL_TIMES`` walks as many times as much, each walk a longer one.
"""

import os
import secrets
from collections import Counter
from typing import Final

import pytest
from support.database import Cluster
from support.walk import set_up, take_steps
from support.walk_site import walking

TIMES: Final = int(os.environ.get("MODEL_TIMES", "1"))
STEPS: Final = int(os.environ.get("MODEL_STEPS", "40" if TIMES == 1 else "200"))
SEED: Final = os.environ.get("MODEL_SEED")
FIXED: Final = (1, 2, 3)
EXPECTED: Final = {"sso in", "sso refused domain", "mailed link opens", "require_sso", "codes made"}
"""What has to have come to pass in the fixed walks, so that they are no walks of refusals."""


async def walk_once(postgres: Cluster, seed: int, steps: int) -> Counter[str]:
    """Take one walk on a database of its own. Returns what came to pass."""
    database = postgres.create_database()
    try:
        async with walking(database, seed) as walk:
            try:
                await set_up(walk)
                await take_steps(walk, steps)
            except Exception as error:
                told = "\n".join(walk.story[-80:])
                error.add_note(f"MODEL_SEED={seed} MODEL_STEPS={steps}\nWhat happened, the latest last:\n{told}")
                raise
            return Counter(walk.done)
    finally:
        postgres.drop_database(database)


@pytest.mark.skipif(SEED is not None, reason="one walk is asked for")
async def test_in_walks_that_are_always_the_same_exactly_those_get_in_who_may(postgres: Cluster) -> None:
    """After every step each browser opens what the model says; some owner has a way in, and in the end goes it."""
    done: Counter[str] = Counter()
    for seed in FIXED:
        done += await walk_once(postgres, seed, STEPS)
    assert done.keys() >= EXPECTED, done


@pytest.mark.parametrize("number", range(TIMES if SEED is None else 1))
async def test_in_walks_that_are_never_the_same_exactly_those_get_in_who_may(postgres: Cluster, number: int) -> None:
    await walk_once(postgres, secrets.randbits(32) if SEED is None else int(SEED), STEPS)
