"""Ports of this machine, and what to say when one is taken."""

import os
import socket
from typing import Final

HOST: Final = "127.0.0.1"


class PortTaken(Exception):
    """Another program listens there. The message is a sentence that says what to do."""


def bound(port: int, setting: str) -> socket.socket:
    """Return a socket that is bound to the port on the loopback address; port 0 takes any free one.

    Raises:
        PortTaken: with a sentence that names the setting to change.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
    except OSError as error:
        taken.close()
        reason = os.strerror(error.errno or 0)
        message = f"{HOST}:{port} cannot be used ({reason}). End what listens there, or set {setting} to a free port."
        raise PortTaken(message) from None
    return taken


def expect_free(port: int, setting: str) -> None:
    """See to it that nobody listens on the port.

    Raises:
        PortTaken: with a sentence that names the setting to change.
    """
    bound(port, setting).close()
