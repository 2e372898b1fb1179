"""A redirect that writes its bytes itself: the one answer that everybody can ask for as often as they like.

What never changes is encoded once. An answer of aiohttp's own goes through a mapping of headers, which costs more than
all that a redirect says.
"""

from collections.abc import Generator
from email.utils import formatdate
from http import HTTPStatus
from time import time
from types import coroutine
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

STATUSES: Final = (HTTPStatus.FOUND, HTTPStatus.SEE_OTHER)
_CONTROLS: Final = bytes([*range(0x20), 0x7F])
_END: Final = "\r\n"


@coroutine
def turn() -> Generator[None, None, None]:
    """Let everything else that is ready run once (what ``asyncio.sleep(0)`` does, without its frames)."""
    yield


class RedirectHead:
    """What all redirects begin with, by status; the time of day is renewed each second (RFC 9110 6.6.1)."""

    __slots__ = ("_begun", "_lines", "_second", "headers")

    def __init__(self, headers: CIMultiDict[str]) -> None:
        self.headers = headers
        self._lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "Content-Length: 0\r\n"
        self._second = -1
        self._begun: dict[int, bytes] = {}

    def of(self, status: int) -> bytes:
        """Return the status line and the fixed headers for one of :data:`STATUSES`."""
        now = int(time())
        if now != self._second:
            lines = f"Date: {formatdate(now, usegmt=True)}\r\n{self._lines}"
            begun = {code.value: f"HTTP/1.1 {code.value} {code.phrase}\r\n{lines}" for code in STATUSES}
            self._begun = {code: text.encode() for code, text in begun.items()}
            self._second = now
        return self._begun[status]


class Redirect(web.Response):
    """A redirect to ``location``, with the values of ``Set-Cookie`` and the request's id.

    It has every header that it needs; ``headers`` is for what others add.

    Raises:
        ValueError: a line break in what is sent, or what some take for one, which would begin another header (RFC 9112
            11.1).
    """

    def __init__(self, head: RedirectHead, status: int, location: str, cookies: list[str], request_id: str) -> None:
        super().__init__(status=status)
        self._begins = head
        lines = f"X-Request-Id: {request_id}\r\nLocation: {location}\r\n"
        for cookie in cookies:
            lines += f"Set-Cookie: {cookie}\r\n"
        self._lines = _checked(lines, 2 + len(cookies))
        self._sent = False

    @property
    def prepared(self) -> bool:
        """Whether the answer is on its way."""
        return self._sent or super().prepared

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays open after the answer."""
        return self._sent or super().keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the answer; by aiohttp's way where the connection is to be closed after it."""
        if self.prepared:
            return self._payload_writer
        # The answers of all requests that came together leave together: whoever waits for them is woken once.
        await turn()
        transport = request.transport
        if request.version != HttpVersion11 or not request.keep_alive or transport is None or transport.is_closing():
            return await self._prepare_plainly(request)
        transport.write(b"".join((self._begins.of(self.status), self._lines, self._added(), b"\r\n")))
        self._sent = True
        return None

    def _added(self) -> bytes:
        if not self.headers:
            return b""
        return _checked("".join(f"{name}: {value}\r\n" for name, value in self.headers.items()), len(self.headers))

    async def _prepare_plainly(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        for line in self._lines.decode().splitlines():
            name, _, value = line.partition(": ")
            self.headers.add(name, value)
        self.headers.extend(self._begins.headers)
        return await super().prepare(request)

    async def write_eof(self, data: bytes = b"") -> None:
        """End the answer, which is complete once it is sent."""
        if not self._sent:
            await super().write_eof(data)


def _checked(lines: str, count: int) -> bytes:
    """Return the bytes of so many header lines. What they hold beside their ends is counted, which costs the least."""
    encoded = lines.encode()
    controls = len(encoded) - len(encoded.translate(None, _CONTROLS))
    if controls != count * len(_END) or not (lines.isascii() or all(line.isprintable() for line in lines.split(_END))):
        message = "what a redirect sends holds a line break or another control character"
        raise ValueError(message)
    return encoded
