"""How operator's commands reach the database: the one that the settings name, or the running embedded one."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from events.envelope import Actor, Context
from service.cli.client import Refused
from service.clock import Clock, utc_now
from service.database import open_database
from service.db import Pool, open_pool
from service.development import with_development_keys
from service.postgres_process import PostgresError
from service.settings import Settings, SettingsError, load_settings

T = TypeVar("T")

POOL_SIZE = 2


@dataclass(frozen=True)
class Operator:
    """What an operator's command works with."""

    settings: Settings
    pool: Pool
    clock: Clock

    def context(self, reason: str | None) -> Context:
        """Return who acts: the user of this machine, by name."""
        return Context(Actor("operator", getpass.getuser()), reason=reason)


def on_database(work: Callable[[Operator], Awaitable[T]]) -> T:
    """Run ``work`` on the database.

    Raises:
        Refused: with one sentence when the settings or the database cannot be used.
    """
    try:
        return asyncio.run(_run(work))
    except SettingsError as error:
        raise Refused("\n".join(error.problems), "settings") from None
    except PostgresError as error:
        raise Refused(str(error), "database") from None
    except asyncpg.UndefinedTableError:
        raise Refused("The database is not set up yet. Run `keyledger migrate` first.", "database") from None
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise Refused(
            f"The database cannot be reached ({type(error).__name__}). Check KEYLEDGER_DATABASE_URL.", "database"
        ) from None


async def _run(work: Callable[[Operator], Awaitable[T]]) -> T:
    async with open_database(with_development_keys(load_settings())) as settings:
        assert settings.database_url is not None  # noqa: S101 -- what open_database is for
        async with open_pool(settings.database_url, size=POOL_SIZE) as pool:
            return await work(Operator(settings, pool, utc_now))
