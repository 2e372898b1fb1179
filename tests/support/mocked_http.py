"""Mocked HTTP answers for failures that a real server cannot easily be made to give."""

from types import SimpleNamespace
from typing import Any

import aiohttp


class MockableResponse(aiohttp.ClientResponse):
    """A response that aioresponses can make: aiohttp 3.14 asks for a stream writer, which 0.7.9 does not pass."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **kwargs)
