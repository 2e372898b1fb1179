"""The browser's side of the service, on a real database, with a provider that answers as Okta does."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from aiohttp import ClientResponse, DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr
from support.browser import Browser
from support.database import Pool
from support.identity_world import KEY, TurnedClock, World, credentials_data
from support.provider import FakeProvider

from events.catalogue.access import SsoDisabled, SsoEnabled
from events.catalogue.configuration import DomainAdded, WorkspaceRegistered
from events.catalogue.credentials import CredentialsSet
from events.sealing import KeyRing
from events.secrets import SecretVault
from events.workspace import Workspace
from events.workspace_values import Credentials
from service.commands.execute import WorkspaceCommands
from service.commands.idempotency import IdempotencyKeys
from service.commands.resources import CommandResources
from service.identity.known import read_workspace
from service.identity.sign_in_log import SignInLog
from service.keys import (
    CLOCK,
    COMMANDS,
    CONNECTIONS,
    COOKIE_BOX,
    IDENTITY,
    METRICS,
    POOL,
    READINESS,
    RELYING_PARTY,
    SETTINGS,
    SIGN_IN_LOG,
    VAULT,
)
from service.logs import LineWriter, configure_logging
from service.metrics import Metrics
from service.oidc.client import RelyingParty
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy
from service.readiness import Readiness
from service.settings import Settings
from service.web.setup import setup_web

if TYPE_CHECKING:
    from projections.cache import ConnectionCache

BASE = "https://id.example"


@dataclass
class CommittedConnections:
    """Reads the committed state each time, as a cache does that has lost its database channel."""

    pool: Pool
    last: dict[str, Workspace | None] = field(default_factory=dict)

    async def get(self, slug: str) -> Workspace | None:
        """Return the committed state."""
        self.last[slug] = await read_workspace(self.pool, slug)
        return self.last[slug]

    def at_hand(self, _slug: str) -> Workspace | None:
        """Return nothing: all is read anew."""
        return None

    def peek(self, slug: str) -> Workspace | None:
        """Return the state of the last read."""
        return self.last.get(slug)


@dataclass
class OneSecret:
    """Knows the one client secret of the provider at hand."""

    secret: str | None

    async def open(self, _workspace: Workspace, _credentials: Credentials) -> SecretStr | None:
        """Return it, whoever's it is asked for."""
        return None if self.secret is None else SecretStr(self.secret)


@dataclass
class Site:
    """A running site. ``world`` looks at and changes what is in the database."""

    world: World
    provider: FakeProvider
    client: TestClient[web.Request, web.Application]
    secrets: OneSecret
    logged: io.BytesIO
    writer: LineWriter
    metrics: Metrics

    def browser(self) -> Browser:
        """Return a fresh browser."""
        return Browser(self.client)

    async def connect(self, slug: str = "acme", *, domain: str = "acme.example", **changes: Any) -> None:
        """Make a workspace that signs in at the provider."""
        await self.world.pool.execute("insert into identity.workspaces (slug) values ($1)", slug)
        values = {"issuer": self.provider.issuer, "client_id": self.provider.client_id, **changes}
        data = [
            WorkspaceRegistered(slug=slug, name=slug.title(), plan="one"),
            DomainAdded(domain=domain),
            credentials_data(CredentialsSet, **values),
            SsoEnabled(),
        ]
        await self.world.append(slug, data, Workspace(slug))

    async def replace_credentials(self, slug: str = "acme", **changes: Any) -> None:
        """Give the workspace other credentials."""
        values = {"issuer": self.provider.issuer, "client_id": self.provider.client_id, **changes}
        await self.world.append(slug, [credentials_data(CredentialsSet, **values)])

    async def disable(self, slug: str = "acme") -> None:
        """Switch SSO off."""
        await self.world.append(slug, [SsoDisabled()])

    async def to_provider(self, browser: Browser, address: str = "/api/sso/initiate/acme") -> str:
        """Begin a sign-in. Returns the address at the provider."""
        answer = await browser.get(address)
        assert answer.status == 302, await answer.text()
        return answer.headers["Location"]

    async def back(self, browser: Browser, address: str = "/api/sso/initiate/acme") -> str:
        """Begin a sign-in and sign in at the provider. Returns the callback's address with its query."""
        return await self.provider.log_in(await self.to_provider(browser, address))

    async def sign_in(self, browser: Browser, address: str = "/api/sso/initiate/acme") -> ClientResponse:
        """Run a whole sign-in. Returns the callback's answer."""
        return await browser.get(await self.back(browser, address))

    async def sign_ins(self) -> list[dict[str, Any]]:
        """Return the sign-in log, oldest first, with what was still to be written."""
        await self.flush()
        rows = await self.world.pool.fetch("select * from identity.sign_ins order by sign_in_id")
        return [dict(row) for row in rows]

    async def reasons(self) -> list[str]:
        """Return the reasons in the sign-in log, oldest first."""
        return [row["reason"] for row in await self.sign_ins()]

    async def flush(self) -> None:
        """Have the sign-in log written."""
        assert self.client.app is not None
        log = self.client.app[SIGN_IN_LOG]
        while not log._queue.empty():
            await log._write([])

    def log_lines(self) -> list[dict[str, Any]]:
        """Return what the service logged."""
        return [json.loads(line) for line in self.log_text().splitlines()]

    def log_text(self) -> str:
        """Return what the service logged, as written."""
        self.writer.flush()
        return self.logged.getvalue().decode()


@asynccontextmanager
async def running_site(
    pool: Pool, provider: FakeProvider | None = None, *, own_secrets: bool = False, **changed: Any
) -> AsyncIterator[Site]:
    """Run a site on this database, whose people sign in at ``provider``; keywords change settings.

    ``own_secrets``: the client secrets are those that were recorded, not the provider's one.
    """
    changed.setdefault("rate_per_minute", 100_000)
    settings = Settings(base_url=BASE, support_contact="Write to help@id.example.", **changed)
    world, provider = World(pool, clock=TurnedClock(datetime.now(UTC))), provider or FakeProvider()
    provider.now = lambda: world.clock().timestamp()
    identity = replace(world.resources, public_url=BASE)
    logged, metrics, secrets = io.BytesIO(), Metrics(), OneSecret(provider.client_secret)
    writer = configure_logging(settings, logged)
    app = web.Application()
    app[SETTINGS], app[METRICS], app[READINESS] = settings, metrics, Readiness()
    app[IDENTITY], app[POOL], app[COOKIE_BOX] = identity, pool, identity.box
    app[CLOCK] = identity.clock
    connections = cast("ConnectionCache", CommittedConnections(pool))
    app[CONNECTIONS] = connections
    app[VAULT] = cast("SecretVault", secrets)
    app[SIGN_IN_LOG] = SignInLog(pool)
    async with provider, ProviderClient(ProviderPolicy(allow_loopback=True), clock=world.clock) as http:
        app[RELYING_PARTY] = RelyingParty(http, world.clock)
        vault = SecretVault(pool, KeyRing([KEY]))
        resources = CommandResources(identity, vault, app[RELYING_PARTY], IdempotencyKeys([KEY]), metrics)
        app[COMMANDS] = WorkspaceCommands(resources)
        if own_secrets:
            app[VAULT] = vault
        setup_web(app)
        async with TestClient(TestServer(app), cookie_jar=DummyCookieJar()) as client:
            yield Site(world, provider, client, secrets, logged, writer, metrics)
