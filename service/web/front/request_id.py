"""Gives each request an id of our making. One that a client sends is not taken: it would be written to our logs."""

import os
from typing import Final

from aiohttp import web

from service.keys import REQUEST_ID
from service.logs import current_request_id

HEADER: Final = "X-Request-Id"


def name_request(request: web.Request) -> str:
    """Give the request a fresh id of 80 random bits, short enough to be read out; every log line from now on has it."""
    name = request[REQUEST_ID] = f"req_{os.urandom(10).hex()}"
    current_request_id.set(name)
    return name
