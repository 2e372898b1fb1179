"""Which of a workspace's websites somebody may use: all of them, also later ones, or a list."""

from collections.abc import Sequence
from typing import Final, Literal

import orjson

Websites = Literal["all"] | list[str]

ALL_WEBSITES: Final = '"all"'
"""As it is stored: JSON."""


def read_websites(stored: str) -> Websites:
    """Return the stored JSON as a value."""
    value = orjson.loads(stored)
    return "all" if value == "all" else [str(one) for one in value]


def write_websites(websites: Literal["all"] | Sequence[str]) -> str:
    """Return the value as it is stored."""
    return orjson.dumps(websites if isinstance(websites, str) else list(websites)).decode()
