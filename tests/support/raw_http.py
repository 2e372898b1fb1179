"""One HTTP/1.1 request, byte by byte as a test wants it, and the answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ANSWERS_WITHIN_S: Final = 10.0


@dataclass(frozen=True)
class RawAnswer:
    """A status, header fields as they came (names in lower case), and the body."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return the values of every field of this name."""
        return [value for found, value in self.fields if found == name]

    @property
    def is_page(self) -> bool:
        """Whether a browser would show it as a page."""
        return any(value.startswith("text/html") for value in self.all("content-type"))


async def raw_request(
    port: int,
    method: str,
    target: bytes,
    cookie: bytes = b"",
    form: bytes | None = None,
    *,
    more: Sequence[bytes] = (),
) -> RawAnswer:
    """Send a request to this machine and wait for the whole answer, at most ten seconds. ``more`` are header lines.

    Raises:
        TimeoutError: there is no whole answer by then.
    """
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: id.example", b"Connection: close", *more]
    if cookie:
        lines.append(b"Cookie: " + cookie)
    if form is not None:
        lines += [b"Content-Type: application/x-www-form-urlencoded", b"Content-Length: %d" % len(form)]
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + (form or b""))
            await writer.drain()
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        finally:
            writer.close()
    first, *fields = head.decode("latin-1").split("\r\n")
    pairs = (field.partition(":") for field in fields)
    return RawAnswer(int(first.split(" ")[1]), tuple((name.lower(), value.strip()) for name, _, value in pairs), body)
