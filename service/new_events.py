"""Waiting for new events: whoever follows the log sleeps until something was recorded."""

import asyncio
from contextlib import suppress
from typing import Final

LOOK_EVERY_S: Final = 1.0
"""What rings may be lost with the connection that listens; so often everybody looks by themselves."""


class NewEvents:
    """Wakes all who wait, at each ring."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._closed = False

    def ring(self) -> None:
        """Tell that something was recorded."""
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    def close(self) -> None:
        """Let nobody wait any more: the service is about to end."""
        self._closed = True
        self.ring()

    @property
    def closed(self) -> bool:
        """Whether there is no waiting any more."""
        return self._closed

    async def wait(self, seconds: float) -> None:
        """Wait for the next ring, at most so long and at most a second."""
        if not self._closed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), min(seconds, LOOK_EVERY_S))
