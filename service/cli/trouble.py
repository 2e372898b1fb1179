"""What went wrong on the way to the database or in it, each kind as one sentence that says what to do."""

import asyncpg

from events.migrate import MigrationError
from events.refusals import Refusal
from events.sealing import SealError
from events.store_errors import StoreError
from events.upcasting import UnknownSchema
from events.workspace import UnreadableEvent
from service.cli.client import Refused
from service.identity.read_model import UnusableReadModel
from service.postgres_process import PostgresError
from service.settings import SettingsError

_NOT_SET_UP = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedColumnError,
    asyncpg.InvalidSchemaNameError,
)
_NO_WAY_IN = (
    OSError,
    OverflowError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.CannotConnectNowError,
)
_ADDRESS = "Check KEYLEDGER_DATABASE_URL, and KEYLEDGER_OWNER_DATABASE_URL where it is set."

TROUBLE = (
    SettingsError,
    Refusal,
    PostgresError,
    MigrationError,
    SealError,
    StoreError,
    UnknownSchema,
    UnreadableEvent,
    UnusableReadModel,
    OSError,
    OverflowError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)
"""What a verb that works on the database may meet."""


def refused_for(error: BaseException) -> Refused:
    """Return what the person at the command line is told. No sentence repeats an address, which may hold a password."""
    if isinstance(error, SettingsError):
        if len(error.problems) == 1:
            return Refused(error.problems[0], "settings")
        return Refused("The settings cannot be used.", "settings", tuple(error.problems))
    if isinstance(error, Refusal):
        return Refused(error.message, error.code)
    if isinstance(error, PostgresError | MigrationError | SealError):
        return Refused(str(error), "database")
    if isinstance(error, StoreError):
        return Refused("Others changed the same at this moment. Nothing was recorded. Try again.", "busy")
    if isinstance(error, UnreadableEvent | UnknownSchema | UnusableReadModel):
        return _unreadable(error)
    return Refused(_database(error), "database")


def _unreadable(error: Exception) -> Refused:
    if isinstance(error, UnusableReadModel):
        sentence = f"The row of {error} in the read model cannot be used. Run: keyledger check {error}"
    else:
        sentence = f"An event cannot be read by this version of Keyledger: {error}. Install the version that wrote it."
    return Refused(sentence, "workspace_parked")


def _database(error: BaseException) -> str:
    kind = type(error).__name__
    if isinstance(error, _NOT_SET_UP):
        return "The database is not set up yet, or by another version. Run `keyledger migrate` first."
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return f"The server has no database of this name. Make it, or name another. {_ADDRESS}"
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return (
            "The role in the address may not do this. Name the database with its owner's role in "
            "KEYLEDGER_OWNER_DATABASE_URL, and with the runtime role in KEYLEDGER_DATABASE_URL."
        )
    if isinstance(error, _NO_WAY_IN):
        return f"The database cannot be reached ({kind}). {_ADDRESS}"
    if isinstance(error, asyncpg.InterfaceError | asyncpg.UndefinedObjectError | asyncpg.InvalidParameterValueError):
        return f"What the address of the database says behind the question mark cannot be used ({kind}). {_ADDRESS}"
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return f"The database takes no changes: it is a standby, or set to be read only. {_ADDRESS}"
    if isinstance(error, asyncpg.LockNotAvailableError | asyncpg.DeadlockDetectedError):
        return "Others held what this needs for too long. Nothing was changed by this step. Try again."
    code = getattr(error, "sqlstate", None)
    return f"The database ended this ({kind}{f', {code}' if code else ''}). Its log says why; mend that, and try again."
