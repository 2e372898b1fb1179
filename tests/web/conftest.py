"""Fixtures of the browser's tests."""

from collections.abc import AsyncIterator

import pytest
from support.database import Pool
from support.desks import desk_site
from support.site import Site, running_site


@pytest.fixture
async def site(pool: Pool) -> AsyncIterator[Site]:
    """A site with a workspace ``acme`` that signs in at the provider, and an application at ``app.example``."""
    async with running_site(pool, app_url="https://app.example/home") as made:
        await made.connect()
        yield made


@pytest.fixture
async def desk(pool: Pool) -> AsyncIterator[Site]:
    """A site that keeps its own secrets, so that they can be replaced."""
    async with desk_site(pool) as made:
        yield made
