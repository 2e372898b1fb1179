"""What is fetched from providers and kept for a while: one fetch at a time, by its headers within bounds.

A value outlives its freshness when it cannot be renewed, but not for ever.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from service.clock import Clock
from service.oidc.errors import OidcError, Reason

MOST_ENTRIES: Final = 10_000
PAUSE_AFTER_FAILURE_S: Final = 10.0

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?([0-9]{1,12})", re.IGNORECASE)

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a fetched value counts, in seconds.

    It is fresh for its ``max-age``, but for ``shortest_s`` at least and ``longest_s`` at most, ``unsaid_s`` where the
    provider says nothing. When a fetch fails for one of the reasons ``outlives``, the value is used on until ``kept_s``
    after it was fetched.
    """

    shortest_s: float
    longest_s: float
    unsaid_s: float
    kept_s: float
    outlives: frozenset[Reason]

    def fresh_s(self, headers: Mapping[str, str]) -> float:
        """Return for how long an answer with these headers is fresh (RFC 9111 5.2.2)."""
        directives = headers.get("cache-control", "")
        match = _MAX_AGE.search(directives)
        said = (
            0.0 if "no-store" in directives or "no-cache" in directives else float(match[1]) if match else self.unsaid_s
        )
        return min(max(said, self.shortest_s), self.longest_s)


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    fresh_until: float
    kept_until: float


class FreshnessCache(Generic[V]):
    """Values by address. ``fetch`` returns a value and the headers it came with, or raises :class:`OidcError`.

    After a failed fetch the provider is left alone for ten seconds, so that one that does not answer costs little.
    """

    def __init__(
        self, fetch: Callable[[str], Awaitable[tuple[V, Mapping[str, str]]]], clock: Clock, bounds: Bounds
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._bounds = bounds
        self._entries: dict[str, _Entry[V]] = {}
        self._failures: dict[str, tuple[float, OidcError]] = {}
        self._flights: dict[str, asyncio.Task[V | OidcError]] = {}

    async def get(self, key: str) -> V:
        """Return the value, fetched if it is not there or not fresh any more.

        Raises:
            OidcError: it cannot be fetched, and none is kept.
        """
        now = self._clock().timestamp()
        entry = self._entries.get(key)
        if entry is not None and now < entry.fresh_until:
            return entry.value
        until, failure = self._failures.get(key, (0.0, None))
        outcome: V | OidcError = failure if failure is not None and now < until else await self.fetch(key)
        if not isinstance(outcome, OidcError):
            return outcome
        if entry is not None and now < entry.kept_until and outcome.reason in self._bounds.outlives:
            return entry.value
        raise outcome.again()

    def at_hand(self, key: str, now: float) -> V | None:
        """Return the value if it is there and fresh: what :meth:`get` would, without waiting. ``now`` in seconds."""
        entry = self._entries.get(key)
        return entry.value if entry is not None and now < entry.fresh_until else None

    def kept(self, key: str) -> V | None:
        """Return the value that is kept, fresh or not."""
        entry = self._entries.get(key)
        return entry.value if entry is not None else None

    def is_fetching(self, key: str) -> bool:
        """Whether a fetch is under way that :meth:`fetch` would join."""
        return key in self._flights

    async def renewed(self, key: str) -> V:
        """Return the value as it is at the provider now.

        Raises:
            OidcError: it cannot be fetched, whatever is kept.
        """
        outcome = await self.fetch(key)
        if isinstance(outcome, OidcError):
            raise outcome.again()
        return outcome

    async def fetch(self, key: str) -> V | OidcError:
        """Fetch now and keep what comes. All who ask meanwhile share the fetch, and none who goes away ends it."""
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self._load(key))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return await asyncio.shield(flight)

    async def _load(self, key: str) -> V | OidcError:
        try:
            value, headers = await self._fetch(key)
        except OidcError as error:
            if error.reason not in self._bounds.outlives:
                self._entries.pop(key, None)
            _remember(self._failures, key, (self._clock().timestamp() + PAUSE_AFTER_FAILURE_S, error.again()))
            return error
        now = self._clock().timestamp()
        fresh_until = now + self._bounds.fresh_s(headers)
        self._failures.pop(key, None)
        _remember(self._entries, key, _Entry(value, fresh_until, now + self._bounds.kept_s))
        return value


def _remember(kept: dict[str, T], key: str, value: T) -> None:
    kept.pop(key, None)
    if len(kept) >= MOST_ENTRIES:
        del kept[next(iter(kept))]
    kept[key] = value
