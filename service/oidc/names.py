"""Looking up providers' host names, in threads of its own.

The event loop has a handful of threads for that; a few names whose servers do not answer would occupy them all, and
keep every other provider waiting. Many such names can still occupy those that are here: whoever may test credentials
makes names up as they like. So a name that was found before is not waited for much longer than it takes to ask: what
was found serves on, for a day at most (RFC 8767).
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

MOST_LOOKUPS: Final = 32
PATIENCE_S: Final = 1.0
SERVES_ON_S: Final = 24 * 3600
MOST_KNOWN: Final = 10_000


class ProviderNames(AbstractResolver):
    """Asks the system's resolver. Whether an address may be connected to is judged at the connection."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(MOST_LOOKUPS, thread_name_prefix="provider-names")
        self._known: dict[tuple[str, int], tuple[float, list[Any]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raises ``OSError`` when it has none."""
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in await self._found(host, port, family)
        ]

    async def _found(self, host: str, port: int, family: socket.AddressFamily) -> list[Any]:
        key, now = (host, int(family)), monotonic()
        found_at, known = self._known.get(key, (now, []))
        if now - found_at > SERVES_ON_S:
            known = []
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
        asked = asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        try:
            found = await asyncio.wait_for(asked, PATIENCE_S if known else None)
        except TimeoutError:
            return known
        except socket.gaierror as error:
            # Another answer than none at all counts: such a name is gone.
            if not known or error.errno != socket.EAI_AGAIN:
                raise
            return known
        self._known.pop(key, None)
        if len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[key] = (now, found)
        return found

    async def close(self) -> None:
        """Look nothing up any more, and wait for nothing."""
        self._threads.shutdown(wait=False, cancel_futures=True)
