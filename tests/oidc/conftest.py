"""A relying party and the provider it speaks to; and the whole service around them."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from support.database import EMBEDDED, Clusters, Pool, TestDatabase
from support.oidc import TurnedClock
from support.provider import FakeProvider

from service.db import open_pool
from service.oidc.client import RelyingParty
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy

if TYPE_CHECKING:
    from support.site import Site


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


@pytest.fixture
async def site(pool: Pool) -> AsyncIterator["Site"]:
    """The whole service, with a workspace ``acme`` that signs in at an Okta org."""
    from support.site import running_site  # the tests of the relying party alone need none of it

    async with running_site(pool, app_url="https://app.example/home") as made:
        await made.connect()
        yield made


@pytest.fixture(scope="module")
def shared_database(clusters: Clusters) -> Iterator[TestDatabase]:
    """A database for a whole table of tests, each of which brings a workspace of its own."""
    cluster = clusters.get(EMBEDDED)
    made = cluster.create_database()
    yield made
    cluster.drop_database(made)


@pytest.fixture
async def shared_pool(shared_database: TestDatabase) -> AsyncIterator[Pool]:
    """A pool of the runtime role on that database."""
    async with open_pool(SecretStr(shared_database.runtime_dsn), size=4) as opened:
        yield opened
