"""Fixtures that tests of every package use: PostgreSQL, pools, and mocked HTTP."""

from collections.abc import AsyncIterator, Callable, Iterator

import aioresponses.core
import pytest
from aioresponses import aioresponses as mocking
from pydantic import SecretStr
from support.database import DEBIAN, EMBEDDED, Cluster, Clusters, Pool, TestDatabase, uses_database
from support.matrix import summary
from support.mocked_http import MockableResponse

from service.db import open_pool

POOL_SIZE = 10


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs PostgreSQL with ``db``."""
    for item in items:
        if uses_database(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.db)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how much of the protocol matrix the tests that passed cover."""
    line = summary(report.nodeid for report in terminalreporter.getreports("passed"))
    if line:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def clusters() -> Iterator[Clusters]:
    """The PostgreSQL clusters of this test process, each started at its first use."""
    kept = Clusters()
    yield kept
    kept.close()


@pytest.fixture
def postgres(request: pytest.FixtureRequest, clusters: Clusters) -> Cluster:
    """The shared cluster on which this test's database is made: the embedded server, unless parametrised."""
    return clusters.get(getattr(request, "param", EMBEDDED))


@pytest.fixture
def postgres_15(clusters: Clusters) -> Cluster:
    """The shared cluster of the oldest supported server."""
    return clusters.get(DEBIAN)


@pytest.fixture
def durable_postgres(clusters: Clusters) -> Cluster:
    """A shared embedded cluster that flushes every commit to disk, for measurements of real commits."""
    return clusters.get(EMBEDDED, durable=True)


@pytest.fixture
def make_cluster() -> Iterator[Callable[[], Cluster]]:
    """Make durable clusters that belong to this test alone and may be stopped and crashed."""
    made: list[Cluster] = []

    def make() -> Cluster:
        made.append(Cluster(durable=True))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture
def database(postgres: Cluster) -> Iterator[TestDatabase]:
    """A migrated database of this test's own, deleted after it."""
    made = postgres.create_database()
    yield made
    postgres.drop_database(made)


@pytest.fixture
def empty_database(postgres: Cluster) -> Iterator[TestDatabase]:
    """A database of this test's own in which no migration has run."""
    made = postgres.create_database(migrated=False)
    yield made
    postgres.drop_database(made)


@pytest.fixture
async def owner_pool(database: TestDatabase) -> AsyncIterator[Pool]:
    """A pool of the role that runs migrations and owns everything."""
    async with open_pool(SecretStr(database.owner_dsn), size=POOL_SIZE) as opened:
        yield opened


@pytest.fixture
async def pool(database: TestDatabase) -> AsyncIterator[Pool]:
    """A pool of the runtime role, with no more rights than the service has."""
    async with open_pool(SecretStr(database.runtime_dsn), size=POOL_SIZE) as opened:
        yield opened


@pytest.fixture
def mocked_http(monkeypatch: pytest.MonkeyPatch) -> Iterator[mocking]:
    """Mocked answers for outgoing requests; requests to servers on this machine pass through."""
    monkeypatch.setattr(aioresponses.core, "ClientResponse", MockableResponse)
    with mocking(passthrough=["http://127.0.0.1"]) as mocked:
        yield mocked
