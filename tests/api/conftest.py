"""Fixtures of the management API's tests."""

from collections.abc import AsyncIterator

import pytest
from support.database import Pool
from support.management import Management, managed


@pytest.fixture
async def api(pool: Pool) -> AsyncIterator[Management]:
    """The API with an empty ledger, and a support token."""
    async with managed(pool) as made:
        yield made
