"""Gives each request an id of our making. One that a client sends is not taken: it would be written to our logs."""

from typing import Final

from aiohttp import web

from events.randomness import RandomBytes
from service.keys import REQUEST_ID
from service.logs import current_request_id

HEADER: Final = "X-Request-Id"
ID_BYTES: Final = 10


class RequestNames:
    """Names requests: 80 random bits, short enough to be read out. Every log line from then on has it."""

    def __init__(self) -> None:
        self._random = RandomBytes(ID_BYTES)

    def name(self, request: web.Request) -> str:
        """Give the request a fresh id."""
        name = request[REQUEST_ID] = f"req_{self._random.take().hex()}"
        current_request_id.set(name)
        return name
