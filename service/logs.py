"""Logs: one JSON object a line on standard output, with the request's id, and never a secret.

Lines are written in batches from the event loop, so that a request does not wait for the pipe; what is at hand when the
process ends is written then. Warnings and worse are written at once.
"""

import atexit
import logging
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from time import time
from typing import Any, BinaryIO, Final, NamedTuple

import orjson
import structlog

from service.batch import Batch
from service.settings import Settings

REDACTED: Final = "[redacted]"

current_request_id: ContextVar[str] = ContextVar("current_request_id")

_SECRET_NAMES: Final = frozenset(
    {
        "authorization", "bearer", "client_secret", "code", "code_verifier", "cookie", "cookies", "credential",
        "id_token", "key", "login_hint", "nonce", "passphrase", "password", "private_key", "query", "query_string",
        "secret",
        "secret_keys", "session", "set-cookie", "set_cookie", "state", "token", "verifier",
    }
)  # fmt: skip
_SECRET_ENDINGS: Final = ("_secret", "_token", "_password", "_key", "_cookie", "_verifier")
_SILENT: Final = 50
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def is_secret_name(name: str) -> bool:
    """Whether a value of this name is kept out of the logs, whatever it is."""
    lowered = name.lower()
    return lowered in _SECRET_NAMES or lowered.endswith(_SECRET_ENDINGS)


_known_names: dict[str, bool] = {}


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of names that bear secrets, in nested mappings too."""
    for name, value in event.items():
        secret = _known_names.get(name)
        if secret is None:
            secret = is_secret_name(name)
            if len(_known_names) < 1024:  # noqa: PLR2004  a bound, in case names come from outside
                _known_names[name] = secret
        if secret:
            event[name] = REDACTED
        elif isinstance(value, Mapping):
            event[name] = redact(_logger, _method, dict(value))
    return event


def _add_request_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = current_request_id.get(None)
    if request_id is not None:
        event.setdefault("request_id", request_id)
    return event


def _json_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> bytes:
    return orjson.dumps(event, default=_named, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)


def _named(value: object) -> str:
    """Stand in for what is not JSON by its type alone: a repr may hold anything."""
    return f"<{type(value).__name__}>"


class Answered(NamedTuple):
    """What the one line about an answered request says; made into a line when lines are written."""

    time: float
    request_id: str | None
    method: str
    route: str
    workspace: str | None
    status: int
    seconds: float

    def line(self) -> bytes:
        """Return the line. Its fields are fixed, and none can bear a secret, so nothing has to be looked through."""
        return orjson.dumps(
            {
                "event": "request",
                "level": "info",
                "time": datetime.fromtimestamp(self.time, UTC),
                "request_id": self.request_id,
                "method": self.method,
                "route": self.route,
                "workspace": self.workspace,
                "status": self.status,
                "ms": round(self.seconds * 1000, 2),
            },
            option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z,
        )


class LineWriter:
    """Collects lines and writes them together; the logger that structlog's output goes to."""

    def __init__(self, stream: BinaryIO, *, takes_info: bool = True) -> None:
        self._stream = stream
        self.takes_info = takes_info
        self._lines: Batch[bytes | Answered] = Batch(self._write)
        self.flush = self._lines.flush
        self.later = self._lines.add
        atexit.register(self.flush)

    def _write(self, lines: list[bytes | Answered]) -> None:
        self._stream.write(b"".join([line if isinstance(line, bytes) else line.line() for line in lines]))
        self._stream.flush()

    def now(self, line: bytes) -> None:
        """Write the line, and those before it, at once."""
        self.later(line)
        self.flush()

    def soon(self, line: bytes) -> None:
        """Write the line with others, soon."""
        self.later(line)

    debug = info = msg = soon
    warning = warn = error = critical = exception = fatal = now


def configure_logging(settings: Settings, stream: BinaryIO | None = None, *, quiet: bool = False) -> LineWriter:
    """Set up structlog and the standard library's logging to write JSON lines to ``stream`` (standard output).

    Loggers keep what they are set up with, which spares every line a look-up, unless a stream is given: that is for
    tests, which set up again and again. ``quiet`` is for commands, which say in a sentence what has happened: there are
    lines only where a level was asked for.
    """
    level = _SILENT if quiet and "log_level" not in settings.model_fields_set else _LEVELS[settings.log_level]
    writer = LineWriter(stream or sys.stdout.buffer, takes_info=level <= _LEVELS["info"])
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _add_request_id,
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            redact,
            _json_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=stream is None,
    )
    root = logging.getLogger()
    root.handlers = [_Bridge()]
    root.setLevel(max(level, logging.WARNING))
    return writer


class RequestLog:
    """Takes the one line per answered request, which is in the shape of all other lines without their machinery."""

    def __init__(self, writer: LineWriter | None) -> None:
        self._writer = writer

    def answered(self, method: str, route: str, workspace: str | None, status: int, seconds: float) -> None:
        """Log an answered request. ``route`` is the route's template, ``workspace`` a well-formed slug."""
        if self._writer is not None:
            request_id = current_request_id.get(None)
            self._writer.later(Answered(time(), request_id, method, route, workspace, status, seconds))


def request_log() -> RequestLog:
    """Return the log of requests that goes where :func:`configure_logging` said last; nowhere above level ``info``."""
    configuration = structlog.get_config()
    writer = configuration["logger_factory"]() if structlog.is_configured() else None
    if not isinstance(writer, LineWriter) or not writer.takes_info:
        return RequestLog(None)
    return RequestLog(writer)


class _Bridge(logging.Handler):
    """Libraries' own log records, as structlog lines, without their arguments: those may quote what failed."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        log.log(record.levelno, "library", logger=record.name, message=str(record.msg), error=error)
