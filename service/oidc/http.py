"""The one client for everything that is fetched from or sent to a provider."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Self
from urllib.parse import urlencode

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from yarl import URL

from service.clock import Clock, utc_now
from service.oidc.addresses import AddressRefused, guarded_sockets
from service.oidc.documents import Document, parse_object
from service.oidc.errors import OidcError
from service.oidc.names import ProviderNames
from service.oidc.policy import ProviderPolicy, UrlRefused
from service.oidc.rate_limits import TOO_MANY_REQUESTS, rate_limited

What = Literal["discovery", "keys", "token", "userinfo", "webhook"]

NOWHERE: Final = "The provider's host name leads to no address on the public internet. Check how it is spelt."
"""Also of a name that is known inside alone: whoever tests credentials must not learn which those are."""
TIMEOUT_S: Final = 5.0
LARGEST_ANSWER: Final = 1024 * 1024
CONNECTIONS_PER_HOST: Final = 32
KEEP_ALIVE_S: Final = 15.0

_KEPT_HEADERS: Final = ("cache-control", "content-type", "retry-after", "x-rate-limit-reset", "x-okta-request-id")
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "keyledger"}


@dataclass(frozen=True, slots=True, repr=False)
class Fetched:
    """An answer: its status, the few headers that matter (names in lower case), and all of its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"<Fetched {self.status}, {len(self.body)} bytes>"

    @property
    def is_json(self) -> bool:
        """Whether the answer says that it is JSON."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))

    def document(self) -> Document:
        """Return the JSON object in the body. Raises ``DocumentMalformed`` when it holds anything else."""
        return parse_object(self.body)


class ProviderClient:
    """Speaks to providers and to nothing else. Used as an async context manager.

    It takes https only, follows no redirect, keeps no cookie, reads no proxy setting or netrc, waits five seconds in
    all, reads one mebibyte at most and nothing compressed, and connects to public addresses only. ``ssl_context`` is
    for providers whose certificates an authority of one's own issues. ``fetched`` is told of each request: what was
    asked for, and ``answered`` or why there was no answer to read.

    Both calls raise :class:`OidcError`: ``provider_unreachable`` when no answer came or the provider wants no more
    requests for now, ``provider_misconfigured`` when an answer came that no provider set up rightly sends.
    """

    def __init__(
        self,
        policy: ProviderPolicy,
        *,
        clock: Clock = utc_now,
        ssl_context: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
        fetched: Callable[[What, str], None] = lambda _what, _outcome: None,
    ) -> None:
        self.policy = policy
        self._fetched = fetched
        self._clock = clock
        self._ssl_context = ssl_context
        self._timeout = ClientTimeout(total=timeout_s)
        self._session: ClientSession | None = None
        self._names: ProviderNames | None = None

    async def __aenter__(self) -> Self:
        self._names = ProviderNames()
        connector = TCPConnector(
            # No limit over all hosts: hosts that do not answer would use it up for the others.
            limit=0,
            limit_per_host=CONNECTIONS_PER_HOST,
            keepalive_timeout=KEEP_ALIVE_S,
            ssl=self._ssl_context or True,
            resolver=self._names,
            socket_factory=guarded_sockets(allow_loopback=self.policy.allow_loopback),
        )
        self._session = ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            headers=_HEADERS,
            timeout=self._timeout,
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        if self._names is not None:
            await self._names.close()

    async def get_json(self, what: What, url: str, headers: Mapping[str, str] | None = None) -> Fetched:
        """Fetch a document. Whether it is JSON shows when it is read."""
        return await self._counted(what, self._request("GET", url, headers, None))

    async def post_form(
        self, what: What, url: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """Send a form. It is sent once; no failure makes it go out again."""
        form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return await self._counted(what, self._request("POST", url, form, urlencode(fields).encode("ascii")))

    async def post_json(self, url: str, body: bytes, headers: Mapping[str, str]) -> Fetched:
        """Send a webhook's message, JSON, under the same rules. It is sent once."""
        sent = {"Content-Type": "application/json", **headers}
        return await self._counted("webhook", self._request("POST", url, sent, body))

    async def _counted(self, what: What, request: Awaitable[Fetched]) -> Fetched:
        try:
            answer = await request
        except OidcError as error:
            self._fetched(what, error.detail)
            raise
        self._fetched(what, "answered")
        return answer

    async def _request(self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None) -> Fetched:
        if self._session is None:
            raise RuntimeError("the provider client is not open")
        try:
            self.policy.check(url)
            async with self._session.request(
                method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
            ) as response:
                _refuse_redirect(response)
                kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
                if response.status == TOO_MANY_REQUESTS:
                    raise rate_limited(kept, self._clock().timestamp())
                return Fetched(response.status, kept, await _read(response))
        except UrlRefused as refused:
            explanation = f"The service does not call this address of the provider: {refused}."
            raise OidcError("provider_misconfigured", "address_refused", explanation) from None
        except (ClientError, OSError, ValueError) as error:
            # Messages of the transport may quote what was sent or received; none of them goes on.
            raise _unreachable(error) from None


def _refuse_redirect(response: ClientResponse) -> None:
    if response.status // 100 == 3:  # noqa: PLR2004 - the class of redirects
        explanation = "The provider answers with a redirect. Enter the address that it leads to."
        raise OidcError("provider_misconfigured", "redirect_refused", explanation)


async def _read(response: ClientResponse) -> bytes:
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        explanation = "The provider compresses its answer although it was asked not to."
        raise OidcError("provider_misconfigured", "answer_compressed", explanation)
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise OidcError("provider_misconfigured", "answer_too_large", "The provider's answer exceeds 1 MiB.")
        chunks.append(chunk)
    return b"".join(chunks)


def _unreachable(error: Exception) -> OidcError:
    detail, explanation = "connection_failed", "No connection to the provider could be made, or it broke off."
    if isinstance(error, TimeoutError):
        detail, explanation = "timeout", "The provider did not answer in full within the time limit."
    elif isinstance(error, ClientConnectorDNSError):
        detail, explanation = "name_unknown", NOWHERE
    elif isinstance(error, ClientConnectorCertificateError | ClientConnectorSSLError):
        detail, explanation = "tls_failed", "The provider's TLS certificate or protocol version is not acceptable."
    elif isinstance(error, ClientConnectorError) and isinstance(error.os_error, AddressRefused):
        detail, explanation = "address_refused", NOWHERE
    return OidcError("provider_unreachable", detail, explanation)
