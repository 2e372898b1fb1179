"""Gives each request an id of our making. One that a client sends is not taken: it would be written to our logs."""

import os
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from service.keys import REQUEST_ID
from service.logs import current_request_id

HEADER: Final = "X-Request-Id"


def new_request_id() -> str:
    """Return a fresh id of 80 random bits, short enough to be read out."""
    return f"req_{os.urandom(10).hex()}"


@web.middleware
async def request_id(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, in its answer and in every log line that it causes."""
    name = request[REQUEST_ID] = new_request_id()
    current_request_id.set(name)
    response = await handler(request)
    if not response.prepared:
        response.headers[HEADER] = name
    return response
