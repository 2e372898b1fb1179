"""Every connection that this process opens, and every name that it asks for, as the interpreter itself reports them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Outgoing:
    """What was asked for: ``connections`` as (host, port), and ``names``. Local sockets without a host do not count."""

    connections: list[tuple[str, int]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take in one audit event (PEP 578)."""
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            self.connections.append((str(arguments[1][0]), int(arguments[1][1])))
        elif event == "socket.getaddrinfo":
            self.names.append(str(arguments[0]))


_listening: list[Outgoing] = []
_hooked: list[bool] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    for outgoing in _listening:
        outgoing.hear(event, arguments)


@contextmanager
def recorded_connections() -> Iterator[Outgoing]:
    """Record for as long as the context lasts. No code of ours can connect without being recorded."""
    if not _hooked:
        # An audit hook cannot be taken off again; it stays, and hears nothing.
        sys.addaudithook(_hook)
        _hooked.append(True)
    outgoing = Outgoing()
    _listening.append(outgoing)
    try:
        yield outgoing
    finally:
        _listening.remove(outgoing)
