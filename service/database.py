"""Which database the service uses, and how it is brought up to date."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

import asyncpg
import structlog
from pydantic import SecretStr

from events.migrate import MigrationSet, migrate
from service.db import CONNECT_TIMEOUT_S
from service.embedded import EmbeddedPostgres
from service.settings import Settings

log = structlog.get_logger("database")

PACKAGES = ("events", "projections", "service")
MIGRATION_SETS = [MigrationSet(package, files(package) / "migrations") for package in PACKAGES]
"""In the order of the imports: what a later package's tables and functions build on comes first."""


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Settings]:
    """Yield the settings with both database URLs; starts the embedded server for as long as it is needed.

    Raises:
        PostgresError: when the embedded server cannot run here, with a sentence that says what to do.
    """
    if settings.database_url is not None:
        yield settings
        return
    server = EmbeddedPostgres(settings.data_directory)
    database = await asyncio.to_thread(server.start)
    try:
        yield settings.model_copy(
            update={
                "database_url": SecretStr(database.runtime_url),
                "owner_database_url": SecretStr(database.owner_url),
            }
        )
    finally:
        await asyncio.to_thread(server.stop)


async def migrate_database(settings: Settings) -> None:
    """Apply what is missing, as the owner role where one is given. Safe when several instances start at once."""
    url = settings.owner_database_url or settings.database_url
    assert url is not None  # noqa: S101  open_database has seen to it
    connection = await asyncpg.connect(url.get_secret_value(), timeout=CONNECT_TIMEOUT_S)
    try:
        for applied in await migrate(connection, MIGRATION_SETS):
            log.info("migrated", migration=str(applied))
    finally:
        await connection.close()
