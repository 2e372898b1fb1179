"""Things done together a little later instead of one by one at once: what a request must not wait for."""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

AFTER_S: Final = 0.05
MOST: Final = 256


class Batch(Generic[Item]):
    """Collects items for at most ``AFTER_S`` seconds or up to ``MOST`` of them, and hands them on in their order.

    Without a running event loop they are handed on at once.
    """

    __slots__ = ("_hand_on", "_items", "_scheduled")

    def __init__(self, hand_on: Callable[[list[Item]], None]) -> None:
        self._hand_on = hand_on
        self._items: list[Item] = []
        self._scheduled = False

    def add(self, item: Item) -> None:
        """Take an item in."""
        self._items.append(item)
        if not self._scheduled:
            self._schedule()
        elif len(self._items) >= MOST:
            self._pass_on()

    def flush(self) -> None:
        """Hand on what has been collected."""
        if self._items:
            self._pass_on()

    def _schedule(self) -> None:
        try:
            asyncio.get_running_loop().call_later(AFTER_S, self._due)
            self._scheduled = True
        except RuntimeError:
            self._pass_on()

    def _due(self) -> None:
        self._scheduled = False
        self.flush()

    def _pass_on(self) -> None:
        items, self._items = self._items, []
        self._hand_on(items)
