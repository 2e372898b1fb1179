"""How an append can fail, and what PostgreSQL says when it does."""

from typing import NoReturn

import asyncpg

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg calls a statement on a connection whose end it is just reading of
    ConnectionError,
)
"""The connection is gone; whether the last statement took effect is unknown."""

_INVALID = {
    "KL003",
    asyncpg.NotNullViolationError.sqlstate,
    asyncpg.InvalidTextRepresentationError.sqlstate,
    asyncpg.UntranslatableCharacterError.sqlstate,
    asyncpg.CharacterNotInRepertoireError.sqlstate,
    asyncpg.NumericValueOutOfRangeError.sqlstate,
}
_BUSY = {asyncpg.LockNotAvailableError.sqlstate, asyncpg.QueryCanceledError.sqlstate}


class StoreError(Exception):
    """Nothing was recorded. The text is a sentence without the events' content."""


class VersionConflict(StoreError):
    """The stream is at another version than expected; ``actual`` is None where the database did not say which."""

    def __init__(self, stream_id: str, expected: int, actual: int | None) -> None:
        at = "another version" if actual is None else f"version {actual}"
        super().__init__(f"The stream {stream_id} is at {at}, not {expected}.")
        self.stream_id, self.expected, self.actual = stream_id, expected, actual


class EventIdConflict(StoreError):
    """An event id was recorded before, with other content, in another stream or among other events."""


class InvalidAppend(StoreError):
    """What was handed in are not events, or not a read model that follows from them."""


class StoreBusy(StoreError):
    """Another writer held the log for too long; the same append may be tried again."""


def translate(error: asyncpg.PostgresError, stream_id: str, expected: int) -> NoReturn:
    """Raise what a database error in an append means; one that means nothing known is raised as it is."""
    code = getattr(error, "sqlstate", None)
    if code == "KL001":
        raise VersionConflict(stream_id, expected, int(error.detail or 0)) from None
    if isinstance(error, asyncpg.UniqueViolationError):
        if error.constraint_name == "events_event_id_key":
            raise EventIdConflict("An event id of this append was recorded before.") from None
        raise VersionConflict(stream_id, expected, None) from None
    if code == "KL002":
        raise EventIdConflict(str(error)) from None
    if code in _INVALID:
        # The original text may repeat what was handed in.
        sentence = str(error) if code == "KL003" else "What was handed in is not the canonical text of an event."
        raise InvalidAppend(sentence) from None
    if code in _BUSY:
        raise StoreBusy("Another writer held the log for too long. Try again.") from None
    raise error
