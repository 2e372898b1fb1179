"""A relying party and the provider it speaks to."""

from collections.abc import AsyncIterator

import pytest
from support.oidc import TurnedClock
from support.provider import FakeProvider

from service.oidc.client import RelyingParty
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy


@pytest.fixture
def clock() -> TurnedClock:
    """The clock that service and provider share."""
    return TurnedClock()


@pytest.fixture
async def provider(clock: TurnedClock) -> AsyncIterator[FakeProvider]:
    """A provider that behaves."""
    async with FakeProvider(now=lambda: clock().timestamp()) as running:
        yield running


@pytest.fixture
async def http(clock: TurnedClock) -> AsyncIterator[ProviderClient]:
    """The client, with providers on this machine allowed."""
    async with ProviderClient(ProviderPolicy(allow_loopback=True), clock=clock, timeout_s=2.0) as client:
        yield client


@pytest.fixture
def relying_party(http: ProviderClient, clock: TurnedClock) -> RelyingParty:
    """A relying party that has not spoken to anybody yet."""
    return RelyingParty(http, clock)
