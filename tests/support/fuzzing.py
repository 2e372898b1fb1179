"""How long the fuzzed tests search: a moment among the other tests, for minutes by ``make fuzz``."""

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

TIMES: Final = int(os.environ.get("FUZZ_TIMES", "1"))
"""How many times as many examples as in ``make test``."""


def searching(examples: int) -> settings:
    """Return settings for this many examples, the same ones each time, or for many times more and other ones each time.

    What a long search found is kept below ``.hypothesis``, so that the next one begins with it.
    """
    return settings(
        max_examples=examples * TIMES,
        deadline=None,
        derandomize=TIMES == 1,
        database=None if TIMES == 1 else DirectoryBasedExampleDatabase(".hypothesis/fuzz"),
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def outcome(call: Callable[[], T], refusal: type[E]) -> T | E:
    """Return what the call returns, or the refusal that it raises. Anything else that it raises fails the test."""
    try:
        return call()
    except refusal as refused:
        return refused


TEXTS: Final[SearchStrategy[str]] = st.text(st.characters(codec="utf-8"), max_size=40)
LEAVES: Final[SearchStrategy[Any]] = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
)
JSON: Final[SearchStrategy[Any]] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
"""Any JSON value."""
