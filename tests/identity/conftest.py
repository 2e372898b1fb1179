"""Fixtures of the identity tests."""

import pytest
from support.database import Pool
from support.identity_world import World


@pytest.fixture
async def world(pool: Pool) -> World:
    """A workspace ``acme`` that signs in by SSO, with just-in-time creation."""
    made = World(pool)
    await made.register()
    return made
