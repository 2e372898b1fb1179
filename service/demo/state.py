"""What the provider's handlers share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from jinja2 import Environment
from joserfc.jwk import RSAKey

from service.demo.grants import ACCESS_TOKEN_S, CODE_S, Grant, Tickets
from service.demo.mailbox import Mailbox
from service.demo.organisation import Application


@dataclass(frozen=True)
class State:
    """Everything that an answer depends on beside its request. ``now`` is in seconds since the Unix epoch."""

    issuer: str
    smtp_port: int
    applications: Mapping[str, Application]
    key: RSAKey
    pages: Environment
    mailbox: Mailbox
    now: Callable[[], float]
    codes: Tickets[Grant] = field(init=False)
    access_tokens: Tickets[Grant] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", Tickets[Grant](CODE_S, self.now))
        object.__setattr__(self, "access_tokens", Tickets[Grant](ACCESS_TOKEN_S, self.now))


STATE: Final[web.AppKey[State]] = web.AppKey("state")
