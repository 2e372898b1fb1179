"""How often somebody may ask: a generic cell rate limiter per key, in this process, in bounded memory.

GCRA (ITU-T I.371) keeps one number per key, the time at which its burst is paid off. With several workers a caller
gets at most that many times the rate, which is enough against floods and costs no shared store.
"""

import math
import time
from collections.abc import Callable

MOST_KEYS = 65_536


class RateLimit:
    """At most ``per_minute`` in the long run, with bursts of up to ``burst`` at once.

    Never holds more than ``most_keys`` keys: those that are paid off go first, then the oldest.
    """

    __slots__ = ("_clock", "_interval", "_most_keys", "_paid_off", "_tolerance")

    def __init__(
        self,
        per_minute: int,
        burst: int | None = None,
        *,
        most_keys: int = MOST_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 60.0 / per_minute
        self._tolerance = self._interval * ((burst or per_minute) - 1)
        self._most_keys = most_keys
        self._clock = clock
        self._paid_off: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._paid_off)

    def wait(self, key: str) -> int:
        """Count one request of ``key``. Returns 0 when it may go on, else the whole seconds to wait."""
        seconds = self.due(key)
        if not seconds:
            self.charge(key)
        return seconds

    def due(self, key: str) -> int:
        """Return the whole seconds that a request of ``key`` would have to wait, and count nothing."""
        now = self._clock()
        early = self._paid_off.get(key, now) - now - self._tolerance
        return math.ceil(early) if early > 0 else 0

    def charge(self, key: str, requests: int = 1) -> None:
        """Count requests of ``key`` that were made, or what cost as much, however many there were before."""
        now = self._clock()
        if len(self._paid_off) >= self._most_keys and key not in self._paid_off:
            self._make_room(now)
        self._paid_off[key] = max(self._paid_off.get(key, now), now) + self._interval * requests

    def _make_room(self, now: float) -> None:
        self._paid_off = {key: due for key, due in self._paid_off.items() if due > now}
        surplus = len(self._paid_off) - self._most_keys * 3 // 4
        for key in list(self._paid_off)[: max(0, surplus)]:
            del self._paid_off[key]
