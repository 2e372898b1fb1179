"""What sign-ins and changes to people need, passed in once."""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias
from uuid import UUID

from events.decisions import Rules
from events.names import Names
from events.store import EventStore
from service.clock import Clock
from service.cookiebox import CookieBox
from service.db import Connection, Pool
from service.identity.session_values import LiveSession, SessionLimits
from service.identity.tombstones import Tombstones

__all__ = ["BegunAttempt", "Connection", "Executor", "IdentityResources", "Pool", "RequestMeta"]

Executor: TypeAlias = "Connection | Pool"
"""Runs a statement: in the transaction of a connection, or by itself."""


@dataclass(frozen=True, slots=True)
class IdentityResources:
    """The runtime role's pool, the event store, the clock, what seals, whom events name, and where mails link to.

    ``public_url`` has no trailing slash.
    """

    pool: Pool
    store: EventStore
    clock: Clock
    limits: SessionLimits
    box: CookieBox
    tombstones: Tombstones
    names: Names
    rules: Rules
    public_url: str


class BegunAttempt(Protocol):
    """The login attempt that a callback answers."""

    @property
    def credentials_id(self) -> str:
        """The credentials that it was begun under."""

    @property
    def kind(self) -> Literal["app", "okta", "test"]:
        """Who began it: the person on our pages, the tile on their dashboard, or whoever tests credentials."""


@dataclass(frozen=True, slots=True)
class RequestMeta:
    """What the request adds to a proven sign-in.

    ``test`` marks an attempt begun as a test by an owner or a set-up session; ``switch_confirmed`` one whose person has
    confirmed, by a same-origin POST, to be signed in instead of the session's person. ``clicked`` is the invitation
    whose mailed link was clicked in this browser shortly before.
    """

    request_id: str
    session: LiveSession | None = None
    test: bool = False
    switch_confirmed: bool = False
    clicked: UUID | None = None
