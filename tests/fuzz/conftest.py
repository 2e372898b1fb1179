"""What the searches search."""

from collections.abc import AsyncIterator

import pytest
from support.database import Pool
from support.management import Management, managed
from support.site import Site, running_site


@pytest.fixture
async def site(pool: Pool) -> AsyncIterator[Site]:
    """A site with a workspace ``acme``, and an application."""
    async with running_site(pool, app_url="https://app.example/home") as made:
        await made.connect()
        yield made


@pytest.fixture
async def api(pool: Pool) -> AsyncIterator[Management]:
    """The API with an empty ledger, and a support token."""
    async with managed(pool) as made:
        yield made
