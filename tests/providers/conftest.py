"""The service as its users start it, and other people's providers, each in a process of its own."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from support.database import EMBEDDED, Clusters
from support.node_provider import browser as new_browser
from support.service import RunningService, running_service


@pytest.fixture(scope="session")
def service(clusters: Clusters, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service on a database of its own, shared by the tests of all providers."""
    cluster = clusters.get(EMBEDDED)
    database = cluster.create_database()
    with running_service(database, tmp_path_factory.mktemp("service")) as running:
        yield running
    cluster.drop_database(database)


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """The browser of one person, in which nobody is signed in anywhere."""
    async with new_browser() as fresh:
        yield fresh
