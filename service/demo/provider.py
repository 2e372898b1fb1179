"""The demonstration's OpenID provider: ``python -m service.demo.provider``. It behaves like an Okta org.

Its directory keeps key, client secrets and caught mails, so that a restart goes on where the last run ended.
"""

import argparse
import asyncio
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from service.demo import authorize, dashboard, discovery, pages, tokens
from service.demo.kept import Kept
from service.demo.mailbox import Mailbox
from service.demo.organisation import applications
from service.demo.ports import HOST, PortTaken, bound
from service.demo.state import STATE, State
from service.lifeline import end_with_parent

LARGEST_BODY: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class ProviderOptions:
    """Where the provider listens, what it serves, and what it keeps where. Port 0 takes any free port."""

    port: int
    smtp_port: int
    service: str
    directory: Path


@asynccontextmanager
async def serving(options: ProviderOptions, now: Callable[[], float] = time.time) -> AsyncIterator[State]:
    """Listen for HTTP and SMTP for as long as the context lasts.

    Raises:
        PortTaken: when one of the ports is not free.
    """
    kept = await asyncio.to_thread(Kept.at, options.directory)
    web_socket = bound(options.port, "KEYLEDGER_DEMO_PROVIDER_PORT")
    mail_socket = bound(options.smtp_port, "KEYLEDGER_DEMO_SMTP_PORT")
    state = State(
        issuer=f"http://{HOST}:{web_socket.getsockname()[1]}",
        smtp_port=mail_socket.getsockname()[1],
        applications=applications(options.service, kept),
        key=kept.key,
        pages=pages.environment(options.service),
        mailbox=Mailbox(options.directory / "mail"),
        now=now,
    )
    runner = web.AppRunner(build(state), access_log=None, shutdown_timeout=1)
    await runner.setup()
    mail_server = await asyncio.get_running_loop().create_server(state.mailbox.connection, sock=mail_socket)
    try:
        await web.SockSite(runner, web_socket).start()
        yield state
    finally:
        mail_server.close()
        await runner.cleanup()


def build(state: State) -> web.Application:
    """Return the application."""
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[answer_as_this_host_alone])
    app[STATE] = state
    for part in (authorize, dashboard, discovery, pages, tokens):
        app.add_routes(part.routes())
    return app


@web.middleware
async def answer_as_this_host_alone(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests under another name, by which a foreign page could read the mails, and number the others."""
    if f"http://{request.host}" != request.app[STATE].issuer:
        return web.Response(status=421, text="This is not the address of the demonstration's provider.")
    response = await handler(request)
    response.headers["X-Okta-Request-Id"] = secrets.token_hex(16)
    return response


async def _run(options: ProviderOptions) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(options) as state:
        print(state.issuer, flush=True)
        await stop.wait()


def main(arguments: list[str] | None = None) -> int:
    """Run the provider until it is interrupted; prints its issuer once it listens. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m service.demo.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--smtp-port", type=int, default=8025)
    parser.add_argument("--service", default="http://127.0.0.1:8080", help="origin of the service")
    parser.add_argument("--directory", type=Path, required=True, help="where keys, secrets and mails are kept")
    parser.add_argument("--parent", type=int, help="process id of the parent, with which this process ends")
    given = parser.parse_args(arguments)
    if given.parent is not None:
        end_with_parent(signal.SIGTERM, given.parent)
    try:
        asyncio.run(_run(ProviderOptions(given.port, given.smtp_port, given.service, given.directory)))
    except (PortTaken, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
