"""Event ids: UUID version 7 (RFC 9562 5.7), so that ids made later sort later."""

import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from events.randomness import RandomBytes

NewId = Callable[[], UUID]

_RANDOM: Final = RandomBytes(10)


def uuid7(milliseconds: int | None = None, randomness: bytes | None = None) -> UUID:
    """Return a new id.

    Args:
        milliseconds: since the Unix epoch; the current time unless given.
        randomness: ten bytes; from the operating system unless given.
    """
    moment = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    random = int.from_bytes(_RANDOM.take() if randomness is None else randomness, "big")
    value = (moment & (1 << 48) - 1) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
