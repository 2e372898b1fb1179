"""Recognisable secrets on their way through a running service, and an ear for all that it tells."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
import asyncpg
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from support.certificates import server_context
from support.provider import FakeProvider
from support.service import PostOffice, free_port

SMTP_PASSWORD: Final = "planted-smtp-password"
DATABASE_PASSWORD: Final = "planted-database-password"
SECRET_KEY: Final = base64.b64encode(bytes(range(7, 39))).decode()
CLIENT_SECRET: Final = "planted-client-secret"
FOR_THE_BROWSER: Final = {"Set-Cookie", "Location"}


@dataclass
class Ear:
    """A client that remembers all that it was told, but for the headers that are meant for its browser alone."""

    http: aiohttp.ClientSession
    secrets: set[str] = field(default_factory=set)
    heard: str = ""

    async def ask(
        self, method: str, address: str, cookies: dict[str, str] | None = None, **rest: Any
    ) -> tuple[int, str, str]:
        """Send a request. Returns status, text and ``Location``; cookies that come back are kept in ``cookies``."""
        jar = {} if cookies is None else cookies
        own = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items()), **rest.pop("headers", {})}
        async with self.http.request(method, address, headers=own, allow_redirects=False, **rest) as answer:
            text = await answer.text()
            for line in answer.headers.getall("Set-Cookie", []):
                name, _, value = line.partition(";")[0].partition("=")
                jar[name] = value
                self.secrets |= {value} - {'""'}
            told = [value for name, value in answer.headers.items() if name not in FOR_THE_BROWSER]
            self.heard += "\n".join([*told, text, ""])
            return answer.status, text, answer.headers.get("Location", "")

    def learn(self, address: str) -> None:
        """Take what an address carries for secret."""
        query = parse_qs(urlsplit(address).query)
        names = ("code", "state", "nonce", "code_challenge", "id_token", "access_token")
        self.secrets |= {value for name in names for value in query.get(name, [])}


class TellingProvider(FakeProvider):
    """A provider that keeps a copy of every secret which passes, and may echo them in its errors."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.secrets: set[str] = {self.client_secret}

    async def _token(self, request: web.Request) -> web.Response:
        self.overhear(request, dict(await request.post()))
        answer = await super()._token(request)
        body = json.loads(answer.text or "{}")
        self.secrets |= {body[name] for name in ("id_token", "access_token") if name in body}
        return answer

    def overhear(self, request: web.Request, form: dict[str, Any]) -> str:
        """Learn what the service sent, and return it as one text."""
        header = request.headers.get("Authorization", "").partition(" ")[2]
        sent = {header, *(str(form[name]) for name in ("code", "code_verifier", "client_secret") if name in form)}
        self.secrets |= sent - {""}
        return " ".join(sent)

    async def echo(self, request: web.Request) -> web.Response:
        """Answer an error that repeats all that was sent."""
        sent = self.overhear(request, dict(await request.post()) if request.method == "POST" else {})
        body = {"error": "invalid_client", "error_description": sent, "error_uri": sent, "errorSummary": sent}
        return web.json_response(body, status=401, headers={"WWW-Authenticate": f'Bearer error="{sent}"'})

    async def echo_page(self, request: web.Request) -> web.Response:
        """Answer a page of a failing server that repeats all that was sent."""
        sent = self.overhear(request, dict(await request.post()) if request.method == "POST" else {})
        return web.Response(status=500, text=f"<h1>{sent}</h1>", content_type="text/html")


@contextmanager
def mail_server(directory: Path) -> Iterator[tuple[PostOffice, dict[str, str], threading.Event]]:
    """Run a mail server that wants name and password; until told to accept, it refuses both and repeats them.

    Yields its mailbox, the environment in which the service reaches and trusts it, and what tells it to accept.
    """
    office, (server, _) = PostOffice(directory / "mail"), server_context(directory)
    accepting = threading.Event()

    def judge(*arguments: Any) -> AuthResult:
        given = arguments[-1]
        if not accepting.is_set():
            return AuthResult(success=False, handled=False, message=f"535 5.7.8 {given.login!r} {given.password!r}")
        return AuthResult(success=given.password == SMTP_PASSWORD.encode())

    catcher = Controller(
        office,
        hostname="127.0.0.1",
        port=free_port(),
        ssl_context=server,
        authenticator=judge,
        auth_require_tls=False,
    )
    catcher.start()
    try:
        yield (
            office,
            {
                "KEYLEDGER_SMTP_URL": f"smtps://keyledger:{SMTP_PASSWORD}@127.0.0.1:{catcher.port}",
                "SSL_CERT_FILE": str(directory / "certificate.pem"),
            },
            accepting,
        )
    finally:
        catcher.stop()


async def whole_database(dsn: str) -> str:
    """Return every row of every table of the service, as text; bytes in hexadecimal."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('ledger', 'projection', 'identity')"
        )
        rows = [row[0] for (table,) in tables for row in await connection.fetch(f"select t::text from {table} t")]
        return "\n".join(rows)
    finally:
        await connection.close()


def found_in(told: str, secrets: set[str]) -> list[str]:
    """Return the secrets that a text holds, as they are, in hexadecimal or in base64."""
    short = [secret for secret in secrets if len(secret) < 8]
    assert not short, short
    shapes = {
        shape: secret
        for secret in secrets
        for shape in (
            secret,
            secret.encode().hex(),
            base64.b64encode(secret.encode()).decode().rstrip("="),
            json.dumps(secret)[1:-1],
        )
    }
    return [secret for shape, secret in shapes.items() if shape in told]
