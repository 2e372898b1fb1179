"""Chromium, the service as its users start it, and a certified provider to sign in at."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from support.acme import Acme, MakeAcme
from support.database import EMBEDDED, Clusters
from support.looking import LookAt, look_at
from support.node_provider import NodeProvider, node_provider
from support.service import RunningService, running_service

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENSHOTS = "KEYLEDGER_SCREENSHOTS"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this directory."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.node)


@pytest.fixture(scope="session")
def service(clusters: Clusters, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service, in a process of its own on a database of its own, shared by all browser tests."""
    cluster = clusters.get(EMBEDDED)
    database = cluster.create_database()
    with running_service(database, tmp_path_factory.mktemp("service")) as running:
        yield running
    cluster.drop_database(database)


@pytest.fixture
def service_url(service: RunningService) -> str:
    """The service's origin."""
    return service.url


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A Chromium of this test's own."""
    assert CHROMIUM.exists(), "Chromium is missing; on Debian install the package chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def context(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """A browser profile in which nobody is signed in anywhere."""
    expect.set_options(timeout=10_000)
    async with await chromium.new_context() as profile:
        profile.set_default_timeout(15_000)
        yield profile


@pytest.fixture
async def page(context: BrowserContext) -> Page:
    """A tab."""
    return await context.new_page()


@pytest.fixture
async def provider() -> AsyncIterator[NodeProvider]:
    """An Okta-like organisation of this test's own."""
    async with node_provider() as running:
        yield running


@pytest.fixture
def make_acme(service: RunningService, provider: NodeProvider) -> MakeAcme:
    """Make workspaces; takes ``jit`` and ``domains``."""

    async def make(*, jit: bool = True, domains: tuple[str, ...] = ("acme.example",)) -> Acme:
        slug = service.new_slug()
        client_id = f"0oa-{slug}"
        await provider.register([service.redirect_uri(slug)], client_id=client_id, client_secret=provider.client_secret)
        await service.connect(slug, provider.issuer, client_id, provider.client_secret, domains=domains, jit=jit)
        return Acme(slug, service, provider)

    return make


@pytest.fixture
async def acme(make_acme: MakeAcme) -> Acme:
    """A workspace in which people are created just in time."""
    return await make_acme()


@pytest.fixture
def look() -> LookAt:
    """Check a page for accessibility, and take pictures of it where KEYLEDGER_SCREENSHOTS names a directory."""
    named = os.environ.get(SCREENSHOTS)
    pictures = Path(named) if named else None
    return lambda page, name: look_at(page, name, pictures)
