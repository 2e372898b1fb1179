"""What the sign-in's handlers work with, built once when the application's resources are open."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiohttp import web

from service.identity.resources import IdentityResources
from service.identity.session_values import SessionLimits
from service.identity.sessions import SessionStorage
from service.identity.tombstones import TombstoneKeys
from service.keys import CLOCK, CONNECTIONS, COOKIE_BOX, POOL, RELYING_PARTY, SETTINGS, STORE, VAULT
from service.login.attempt import AttemptCookies
from service.login.callback import Callback
from service.login.exchange import Exchange
from service.login.initiate import Initiate
from service.login.targets import Targets


@dataclass(frozen=True, slots=True)
class Flow:
    """The parts of a sign-in, from initiate to session."""

    initiate: Initiate
    callback: Callback
    cookies: AttemptCookies
    targets: Targets
    identity: IdentityResources
    sessions: SessionStorage


FLOW: Final[web.AppKey[Flow]] = web.AppKey("flow")
SESSIONS: Final[web.AppKey[SessionStorage]] = web.AppKey("sessions")


def build_flow(app: web.Application, targets: Targets) -> Flow:
    """Build the flow from the application's resources."""
    settings, clock, box, pool = app[SETTINGS], app[CLOCK], app[COOKIE_BOX], app[POOL]
    limits = SessionLimits(
        idle=timedelta(minutes=settings.session_idle_minutes), absolute=timedelta(hours=settings.session_absolute_hours)
    )
    cookies = AttemptCookies(box, secure=settings.secure_cookies)
    initiate = Initiate(
        connections=app[CONNECTIONS],
        relying_party=app[RELYING_PARTY],
        box=box,
        cookies=cookies,
        targets=targets,
        public_url=settings.public_url,
        clock=clock,
    )
    callback = Callback(
        pool=pool,
        connections=app[CONNECTIONS],
        exchange=Exchange(app[RELYING_PARTY], app[VAULT]),
        box=box,
        cookies=cookies,
        public_url=settings.public_url,
        clock=clock,
    )
    identity = IdentityResources(
        pool=pool,
        store=app[STORE],
        clock=clock,
        limits=limits,
        box=box,
        tombstones=TombstoneKeys(settings.key_bytes),
        public_url=settings.public_url,
    )
    storage = SessionStorage(pool, clock, limits, secure=settings.secure_cookies)
    return Flow(initiate, callback, cookies, targets, identity, storage)


def flow_context(targets: Targets) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the ``cleanup_ctx`` entry that builds the flow once the resources before it are open."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        flow = app[FLOW] = build_flow(app, targets)
        app[SESSIONS] = flow.sessions
        yield

    return context
