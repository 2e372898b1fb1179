"""What the sign-in's handlers work with, built once when the application's resources are open."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp_session import AbstractStorage

from service.identity.resources import IdentityResources
from service.identity.sessions import SessionStorage
from service.keys import CONNECTIONS, GOOGLE, IDENTITY, RELYING_PARTY, SETTINGS, VAULT
from service.limits import RateLimit
from service.login.attempt import AttemptCookies
from service.login.callback import Callback
from service.login.exchange import Exchange
from service.login.google import GoogleClient, GoogleRoundTrip
from service.login.initiate import Initiate
from service.login.targets import Targets
from service.login.trial import Trials
from service.web.front.rate_limit import WORKSPACE_FACTOR


@dataclass(frozen=True, slots=True)
class Flow:
    """The parts of a sign-in, from initiate to session."""

    initiate: Initiate
    callback: Callback
    cookies: AttemptCookies
    targets: Targets
    identity: IdentityResources
    sessions: SessionStorage
    trials: Trials
    google: GoogleRoundTrip | None = None


FLOW: Final[web.AppKey[Flow]] = web.AppKey("flow")
SESSIONS: Final[web.AppKey[AbstractStorage]] = web.AppKey("sessions")


def build_flow(app: web.Application, targets: Targets) -> Flow:
    """Build the flow from the application's resources."""
    settings, identity = app[SETTINGS], app[IDENTITY]
    clock, box, pool = identity.clock, identity.box, identity.pool
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
        exchanges=RateLimit(settings.rate_per_minute * WORKSPACE_FACTOR),
    )
    google = None
    if settings.google_client_id and settings.google_client_secret:
        google = GoogleRoundTrip(
            client=GoogleClient(settings.google_issuer, settings.google_client_id, settings.google_client_secret),
            relying_party=app.get(GOOGLE) or app[RELYING_PARTY],
            pool=pool,
            box=box,
            cookies=cookies,
            public_url=settings.public_url,
            clock=clock,
        )
    storage = SessionStorage(pool, clock, identity.limits, secure=settings.secure_cookies)
    trials = Trials(app[RELYING_PARTY], box, cookies, settings.public_url, clock)
    return Flow(initiate, callback, cookies, targets, identity, storage, trials, google)


def flow_context(targets: Targets) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the ``cleanup_ctx`` entry that builds the flow once the resources before it are open."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        flow = app[FLOW] = build_flow(app, targets)
        app[SESSIONS] = flow.sessions
        yield

    return context
