"""The floor for the browser path: an aiohttp application that does nothing but redirect."""

import asyncio
import sys

import uvloop
from aiohttp import web


async def redirect(_request: web.Request) -> web.Response:
    """Answer 302 to a fixed address."""
    return web.Response(status=302, headers={"Location": "https://acme.example/"})


async def serve(port: int) -> None:
    """Serve on ``port`` until the process is ended."""
    app = web.Application()
    app.router.add_get("/floor", redirect)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
