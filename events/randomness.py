"""Random bytes for what is drawn at every request: fetched for many at once, at a fraction of the cost."""

import os
from typing import Final

DRAWN_AHEAD: Final = 64


class RandomBytes:
    """Draws of ``size`` bytes each from the system's generator, none of which is ever handed out twice.

    A process made by ``fork`` forgets what its parent has drawn ahead, so that the two share nothing.
    """

    __slots__ = ("_ahead", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._ahead: list[bytes] = []
        os.register_at_fork(after_in_child=self._ahead.clear)

    def take(self) -> bytes:
        """Return a draw."""
        if not self._ahead:
            drawn = os.urandom(self._size * DRAWN_AHEAD)
            self._ahead.extend(drawn[start : start + self._size] for start in range(0, len(drawn), self._size))
        return self._ahead.pop()
