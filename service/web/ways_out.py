"""What signing out works with, built once when the application's resources are open."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from service.keys import CONNECTIONS, IDENTITY, RELYING_PARTY, SETTINGS
from service.login.ended_by_provider import EndedByProvider
from service.login.provider_logout import ProviderLogout
from service.login.signing_algorithms import SigningAlgorithms
from service.web.front.rate_limit import WORKSPACE_FACTOR, SignInLimits


@dataclass(frozen=True, slots=True)
class WaysOut:
    """From here to the provider, and from the provider to here.

    ``posts`` limits what providers post: one provider, at one address, may sign many people out at once. ``visits``
    limits what browsers ask for.
    """

    to_provider: ProviderLogout
    by_provider: EndedByProvider
    algorithms: SigningAlgorithms
    posts: SignInLimits
    visits: SignInLimits


WAYS_OUT: Final[web.AppKey[WaysOut]] = web.AppKey("ways_out")


async def ways_out_context(app: web.Application) -> AsyncIterator[None]:
    """Build the ways out once the resources before this ``cleanup_ctx`` entry are open."""
    settings, identity = app[SETTINGS], app[IDENTITY]
    connections, relying_party = app[CONNECTIONS], app[RELYING_PARTY]
    algorithms = SigningAlgorithms(identity.pool)
    app[WAYS_OUT] = WaysOut(
        to_provider=ProviderLogout(
            connections, relying_party, identity.box, settings.public_url, secure=settings.secure_cookies
        ),
        by_provider=EndedByProvider(identity.pool, identity.clock, connections, relying_party, algorithms),
        algorithms=algorithms,
        posts=SignInLimits(settings.rate_per_minute * WORKSPACE_FACTOR),
        visits=SignInLimits(settings.rate_per_minute),
    )
    yield
