"""Fixtures of the command line's tests: a server with the management API, and the command run as a process."""

from collections.abc import AsyncIterator

import pytest
from support.command_line import CommandLine, bare_environment
from support.database import Pool, TestDatabase
from support.management import Management, managed


@pytest.fixture
async def api(pool: Pool) -> AsyncIterator[Management]:
    """A server with the management API, on a port of this machine."""
    async with managed(pool) as made:
        yield made


@pytest.fixture
def command(api: Management) -> CommandLine:
    """The command, with the address of the server and a support token."""
    url = str(api.client.make_url("")).rstrip("/")
    token = api.token.get_secret_value()
    return CommandLine({**bare_environment(), "KEYLEDGER_URL": url, "KEYLEDGER_TOKEN": token})


@pytest.fixture
def operator(database: TestDatabase) -> CommandLine:
    """The command, with a migrated database and no server."""
    return CommandLine(
        {
            **bare_environment(),
            "KEYLEDGER_DATABASE_URL": database.runtime_dsn,
            "KEYLEDGER_OWNER_DATABASE_URL": database.owner_dsn,
            "KEYLEDGER_SECRET_KEYS": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        }
    )
