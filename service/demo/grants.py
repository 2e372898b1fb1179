"""Authorization codes, each good once and for a minute, and the access tokens that they are exchanged for."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from service.demo.cast import Person
from service.demo.organisation import Application

CODE_S: Final = 60
ACCESS_TOKEN_S: Final = 3600
MOST_KEPT: Final = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Grant:
    """That a person is logged in to an application, and what the authorization request bound the code to."""

    application: Application
    person: Person
    scopes: frozenset[str]
    redirect_uri: str
    challenge: str
    nonce: str | None
    logged_in_at: int


@dataclass
class Tickets(Generic[T]):
    """Random names for values, each good for a while; the oldest go when there are too many."""

    lasts_s: int
    now: Callable[[], float]
    _held: dict[str, tuple[float, T]] = field(default_factory=dict)

    def issue(self, value: T) -> str:
        """Return a new name for the value."""
        while self._held and (len(self._held) >= MOST_KEPT or next(iter(self._held.values()))[0] <= self.now()):
            self._held.pop(next(iter(self._held)))
        name = secrets.token_urlsafe(24)
        self._held[name] = (self.now() + self.lasts_s, value)
        return name

    def look_up(self, name: str) -> T | None:
        """Return the value, which keeps its name."""
        ends, value = self._held.get(name, (0.0, None))
        return value if ends > self.now() else None

    def spend(self, name: str) -> T | None:
        """Return the value, whose name is good no more."""
        found = self.look_up(name)
        self._held.pop(name, None)
        return found
