"""The command line's way to the HTTP API: one address, one token, one sentence when either does not work."""

import http.client
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from pydantic import SecretStr

DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT_S = 30.0
PAGE_SIZE = 200
NO_ADDRESS = "KEYLEDGER_URL has to look like https://id.example.com, without name and password."

_BROKEN = (ConnectionResetError, http.client.RemoteDisconnected)
"""A connection that ended before anything was answered: a change may be asked for once more."""


class Refused(Exception):
    """The server, or the way to it, refused. ``code`` is the problem's code, ``sentence`` says what to do."""

    def __init__(self, sentence: str, code: str, places: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
        self.places = places


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would carry the token to an address that nobody named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True)
class ApiClient:
    """Speaks to the management API with one token."""

    url: str
    token: SecretStr
    opener: OpenerDirector

    def get(self, path: str, **query: object) -> dict[str, Any]:
        """Return the JSON answer to a GET. Parameters that are ``None`` are left out."""
        return self._json(self._request("GET", path, query))

    def items(self, path: str, limit: int | None = None, **query: object) -> list[dict[str, Any]]:
        """Return the items of a list, through as many pages as it takes, at most ``limit``."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            size = PAGE_SIZE if limit is None else min(PAGE_SIZE, limit - len(found))
            page = self.get(path, limit=size, cursor=cursor, **query)
            found += page["items"]
            cursor = page["next"]
            if cursor is None or (limit is not None and len(found) >= limit):
                return found

    def send(self, method: str, path: str, body: object | None = None, version: int | None = None) -> dict[str, Any]:
        """Return the JSON answer to a change. ``version`` makes the change conditional (If-Match).

        A connection that breaks is tried once more under the same idempotency key, so that nothing happens twice.
        """
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        request = self._request(method, path, {}, body, headers)
        try:
            return self._answer(request)
        except _BROKEN:
            return self._json(request)

    def lines(self, path: str, accept: str = "application/x-ndjson", /, **query: object) -> Iterator[bytes]:
        """Yield the lines of an answer of this media type as they come."""
        request = self._request("GET", path, query, headers={"Accept": accept})
        try:
            with self._open(request) as response:
                while line := response.readline():
                    yield line
        except _BROKEN as error:
            raise self._unreachable(error) from None

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        body: object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        given = {name: value for name, value in query.items() if value is not None}
        address = f"{self.url}/api/v1{path}" + (f"?{urlencode(given)}" if given else "")
        data = None if body is None else json.dumps(body).encode()
        content = {} if data is None else {"Content-Type": "application/json"}
        token = {"Authorization": f"Bearer {self.token.get_secret_value()}", "Accept": "application/json"}
        return Request(address, data, {**token, **content, **(headers or {})}, method=method)  # noqa: S310 -- scheme checked

    def _json(self, request: Request) -> dict[str, Any]:
        try:
            return self._answer(request)
        except _BROKEN as error:
            raise self._unreachable(error) from None

    def _answer(self, request: Request) -> dict[str, Any]:
        """Return the JSON answer; what ``_BROKEN`` names is raised as it is."""
        with self._open(request) as response:
            try:
                raw = response.read()
            except _BROKEN:
                raise
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from None
        try:
            answer = json.loads(raw) if raw else {}
        except (ValueError, RecursionError):
            raise self._not_keyledger() from None
        if not isinstance(answer, dict):
            raise self._not_keyledger()
        return answer

    def _open(self, request: Request) -> Any:
        try:
            return self.opener.open(request, timeout=TIMEOUT_S)
        except HTTPError as error:
            raise self._refused(error) from None
        except _BROKEN:
            raise
        except UnicodeError:
            raise Refused(NO_ADDRESS, "usage") from None
        except (URLError, OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            if isinstance(cause, ConnectionResetError):
                raise cause from None
            raise self._unreachable(cause) from None

    def _unreachable(self, cause: object) -> Refused:
        why = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        message = f"{self.url} does not answer ({why}). Start it with `keyledger serve`, or set KEYLEDGER_URL."
        return Refused(message, "unreachable")

    def _refused(self, error: HTTPError) -> Refused:
        try:
            problem = json.loads(error.read(1024 * 1024))
            code, sentence = str(problem["code"]), str(problem["detail"])
        except (ValueError, KeyError, TypeError, RecursionError, OSError, http.client.HTTPException):
            return self._not_keyledger(error.code)
        if code == "unauthenticated":
            sentence = (
                "The token in KEYLEDGER_TOKEN is unknown, revoked or expired. Make one with `keyledger token create`."
            )
        return Refused(sentence, code, _places(problem))

    def _not_keyledger(self, status: int | None = None) -> Refused:
        said = f" (status {status})" if status else ""
        return Refused(f"What answers at {self.url} is not Keyledger{said}. Check KEYLEDGER_URL.", "unreachable")


def _places(problem: Mapping[str, Any]) -> tuple[str, ...]:
    errors = [item for item in problem.get("errors") or () if isinstance(item, dict)]
    if len(errors) > 1:
        return tuple(f"{item.get('pointer', '')}: {item.get('detail', '')}" for item in errors)
    return tuple(
        str(item["sentence"]) for item in problem.get("missing") or () if isinstance(item, dict) and "sentence" in item
    )


def open_client(environ: Mapping[str, str] = os.environ) -> ApiClient:
    """Return the client that ``KEYLEDGER_URL`` and ``KEYLEDGER_TOKEN`` describe.

    Raises:
        Refused: with one sentence when the token is missing or the address is none.
    """
    url = environ.get("KEYLEDGER_URL", DEFAULT_URL).rstrip("/")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Refused(NO_ADDRESS, "usage") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        # A password in it would be repeated by every sentence that names the address.
        raise Refused(NO_ADDRESS, "usage")
    token = environ.get("KEYLEDGER_TOKEN", "").strip()
    if not token:
        sentence = (
            "KEYLEDGER_TOKEN is not set. Make a token with `keyledger token create NAME --role support` "
            "and run: export KEYLEDGER_TOKEN=klt_..."
        )
        raise Refused(sentence, "unauthenticated")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Refused("KEYLEDGER_TOKEN holds something that is no token; a token begins with klt_.", "unauthenticated")
    # A loopback server is never behind the environment's proxy, and the token is not the proxy's business.
    proxies = [ProxyHandler({})] if parts.hostname in {"127.0.0.1", "::1", "localhost"} else []
    return ApiClient(url, SecretStr(token), build_opener(_NoRedirects, *proxies))


def segment(text: str) -> str:
    """Return ``text`` as one segment of a path."""
    return quote(text, safe="@")
