"""Runs the demonstration: the provider and the service as processes of their own, set up and explained."""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import aiohttp
from pydantic import SecretStr

from service.demo.api import Api
from service.demo.guide import guide
from service.demo.kept import Kept
from service.demo.options import DemoOptions, load_options
from service.demo.ports import HOST, PortTaken, expect_free
from service.demo.processes import Child, Children, DemoFailed
from service.demo.seed import seed
from service.settings import PREFIX, Settings, SettingsError, load_settings

STARTS_WITHIN_S: Final = 120.0
POLL_S: Final = 0.1
TOKEN_FILE: Final = "token"  # noqa: S105 -- a file's name


def main() -> int:
    """Run the demonstration until it is interrupted. Returns the process's exit code."""
    try:
        return asyncio.run(demo(load_settings(), load_options()))
    except SettingsError as error:
        print("\n".join(error.problems), file=sys.stderr)
    except (DemoFailed, PortTaken, OSError) as error:
        print(error, file=sys.stderr)
    return 1


async def demo(settings: Settings, options: DemoOptions) -> int:
    """Start everything, say what to try, and wait for SIGINT or SIGTERM, which end it. Returns 0.

    Raises:
        PortTaken: when a port is not free.
        DemoFailed: when a part does not start, or ends by itself.
    """
    if find_spec("aiosmtpd") is None:
        message = "The demonstration needs the package aiosmtpd; install keyledger[demo], or run: make install"
        raise DemoFailed(message)
    if settings.production:
        message = "The demonstration is for development; unset KEYLEDGER_ENV."
        raise DemoFailed(message)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    expect_free(settings.port, "KEYLEDGER_PORT")
    expect_free(options.provider_port, "KEYLEDGER_DEMO_PROVIDER_PORT")
    expect_free(options.smtp_port, "KEYLEDGER_DEMO_SMTP_PORT")
    directory = settings.data_directory / "demo"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    show = Demonstration(settings, options, directory, Children(directory))
    try:
        await _unless(stop, show.run())
    finally:
        await show.children.stop()
    return 0


async def _unless(stop: asyncio.Event, running: Coroutine[None, None, None]) -> None:
    work, interrupted = asyncio.ensure_future(running), asyncio.ensure_future(stop.wait())
    await asyncio.wait({work, interrupted}, return_when=asyncio.FIRST_COMPLETED)
    interrupted.cancel()
    if work.done():
        work.result()
    else:
        work.cancel()
        await asyncio.wait({work})


@dataclass(frozen=True)
class Demonstration:
    """The parts and where they keep what they keep."""

    settings: Settings
    options: DemoOptions
    directory: Path
    children: Children

    @property
    def issuer(self) -> str:
        """The provider's issuer."""
        return f"http://{HOST}:{self.options.provider_port}"

    async def run(self) -> None:
        """Start, set up and explain everything; then wait for a part to end by itself, which raises."""
        kept = await asyncio.to_thread(Kept.at, self.directory)
        service = self.settings.public_url
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
            await _answering(http, await self._provider(service), self.issuer)
            await _answering(http, await self._service(), f"{service}/readyz")
            await seed(await self._api(http), service, self.issuer, kept)
        print(guide(service, self.issuer, self._token_file, self.settings.data_directory), flush=True)
        raise await self.children.first_to_end()

    async def _provider(self, service: str) -> Child:
        arguments = {
            "--port": str(self.options.provider_port),
            "--smtp-port": str(self.options.smtp_port),
            "--service": service,
            "--directory": str(self.directory),
            "--parent": str(os.getpid()),
        }
        flat = [text for pair in arguments.items() for text in pair]
        return await self.children.start("The provider", "service.demo.provider", *flat)

    async def _service(self) -> Child:
        mail = {f"{PREFIX}SMTP_URL": f"smtp://{HOST}:{self.options.smtp_port}"}
        return await self.children.start("The service", "service.demo.service_process", str(os.getpid()), settings=mail)

    @property
    def _token_file(self) -> Path:
        return self.directory / TOKEN_FILE

    async def _api(self, http: aiohttp.ClientSession) -> Api:
        """Use the token of the last run, under which repeated changes are known; make one at the first."""
        if self._token_file.exists():
            api = Api(http, self.settings.public_url, SecretStr(self._token_file.read_text(encoding="ascii").strip()))
            if await api.knows_token():
                return api
        token = await _made_token()
        self._token_file.touch(mode=0o600)
        self._token_file.write_text(f"{token.get_secret_value()}\n", encoding="ascii")
        return Api(http, self.settings.public_url, token)


async def _made_token() -> SecretStr:
    name = f"demo-{secrets.token_hex(4)}"
    command = ["-m", "service", "token", "create", name, "--role", "support", "--reason", "The demonstration's own."]
    making = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    told, complaint = await making.communicate()
    if making.returncode != 0:
        message = f"No token could be made: {complaint.decode(errors='replace').strip()}"
        raise DemoFailed(message)
    return SecretStr(told.decode("ascii").strip())


async def _answering(http: aiohttp.ClientSession, child: Child, address: str) -> None:
    """Wait until the address answers 200."""
    try:
        async with asyncio.timeout(STARTS_WITHIN_S):
            while not await _answers(http, address):
                if child.process.returncode is not None:
                    raise child.failure("did not start")
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise child.failure("is not ready") from None


async def _answers(http: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with http.get(address) as answer:
            return answer.status == 200  # noqa: PLR2004 - a status
    except (aiohttp.ClientError, TimeoutError):
        return False
