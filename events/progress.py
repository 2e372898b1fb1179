"""Telling how far something long has come."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Told of how many events of how many are done."""


def unseen(_done: int, _total: int) -> None:
    """Tell nobody."""
