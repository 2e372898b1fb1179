"""Which texts can be a workspace's slug at all: anything else is answered without asking anybody."""

import re
from functools import lru_cache
from typing import Final

LONGEST_SLUG: Final = 63
SHORTEST_SLUG: Final = 2
_SHAPE = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")


def is_slug(text: str) -> bool:
    """Whether the text has a slug's shape: lower-case letters, digits and single hyphens between them."""
    return SHORTEST_SLUG <= len(text) <= LONGEST_SLUG and _has_shape(text)


@lru_cache(maxsize=4096)
def _has_shape(text: str) -> bool:
    return _SHAPE.fullmatch(text) is not None
