"""The management API on a database of the test's own, and a client that speaks to it with a token."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler
from pydantic import SecretStr
from support.database import Pool
from support.identity_world import KEY, LIMITS, TurnedClock

from events.envelope import Actor, Context
from events.names import Names
from events.sealing import KeyRing
from events.secrets import SecretVault
from events.store import EventStore
from service.api.problem import problem_of_http
from service.api.routes import setup_api
from service.checkpoints import open_notary
from service.clock import Clock
from service.commands.execute import WorkspaceCommands
from service.commands.idempotency import IdempotencyKeys
from service.commands.resources import CommandResources, rules_of
from service.cookiebox import CookieBox
from service.identity.resources import IdentityResources
from service.identity.tombstones import Tombstones
from service.keys import CLIENT_IP, CLOCK, COMMANDS, NEW_EVENTS, NOTARY, POOL, REQUEST_ID, SETTINGS, STORE, WEBHOOKS
from service.metrics import Metrics
from service.new_events import NewEvents
from service.oidc.client import RelyingParty
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy
from service.settings import Settings, load_settings
from service.tokens import StaffRole, create_token
from service.webhooks.registry import Webhooks

REQUEST = "req-1"
OPERATOR = Context(Actor("operator", "root"))


@web.middleware
async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Stand in for the front door, as far as the API needs one."""
    request[REQUEST_ID] = REQUEST
    request[CLIENT_IP] = request.headers.get("X-Test-Address", "192.0.2.1")
    try:
        return await handler(request)
    except web.HTTPException as error:
        return problem_of_http(error, REQUEST)


@dataclass
class Management:
    """The API under test. Requests carry the ``token``, unless they bring headers of their own for that."""

    client: TestClient[web.Request, web.Application]
    pool: Pool
    store: EventStore
    clock: TurnedClock
    commands: WorkspaceCommands
    token: SecretStr

    @property
    def names(self) -> Names:
        """The names of people in events."""
        return self.commands.resources.identity.names

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> ClientResponse:
        """Send a request below /api/v1; underscores in header names stand for hyphens."""
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.token.get_secret_value()}", **own}
        extra: dict[str, Any] = {} if body is None else {"json": body}
        return await self.client.request(method, f"/api/v1{path}", headers=sent, **extra)

    async def get(self, path: str, status: int = 200, /, **headers: str) -> Any:
        """Return the JSON of a GET that has to answer with this status."""
        return await self._json(await self.call("GET", path, **headers), status)

    async def post(self, path: str, body: object, status: int = 201, /, **headers: str) -> Any:
        """Return the JSON of a POST that has to answer with this status."""
        return await self._json(await self.call("POST", path, body, **headers), status)

    async def patch(self, path: str, body: object, status: int = 201, /, **headers: str) -> Any:
        """Return the JSON of a PATCH that has to answer with this status."""
        return await self._json(await self.call("PATCH", path, body, **headers), status)

    async def record(self, slug: str, type_: str, data: Mapping[str, object] | None = None, status: int = 201) -> Any:
        """Record one event."""
        return await self.post(f"/workspaces/{slug}/events", {"type": type_, "data": dict(data or {})}, status)

    async def register(self, slug: str = "acme", plan: str = "one", **more: object) -> Any:
        """Register a workspace."""
        return await self.post("/workspaces", {"slug": slug, "name": slug.title(), "plan": plan, **more})

    async def new_token(self, name: str, role: StaffRole) -> dict[str, str]:
        """Return the header that carries a new token of this role."""
        token = await create_token(self.pool, self.store, self.names, name, role, OPERATOR)
        return {"Authorization": f"Bearer {token.get_secret_value()}"}

    @staticmethod
    async def _json(answer: ClientResponse, status: int) -> Any:
        value = await answer.json()
        assert answer.status == status, value
        return value


@asynccontextmanager
async def managed(pool: Pool, **overrides: Any) -> AsyncIterator[Management]:
    """Serve the management API for as long as the context lasts."""
    settings: Settings = load_settings(base_url="https://id.example.com", **overrides)
    store, clock = EventStore(pool), TurnedClock()
    policy = ProviderPolicy(allow_loopback=True)
    async with ProviderClient(policy, clock=clock) as http:
        identity = IdentityResources(
            pool=pool,
            store=store,
            clock=clock,
            limits=LIMITS,
            box=CookieBox([KEY]),
            tombstones=Tombstones(pool, KeyRing([KEY])),
            names=Names(pool, KeyRing([KEY])),
            rules=rules_of(settings),
            public_url=settings.public_url,
        )
        resources = CommandResources(
            identity=identity,
            vault=SecretVault(pool, KeyRing([KEY])),
            relying_party=RelyingParty(http, clock),
            idempotency=IdempotencyKeys([KEY]),
            metrics=Metrics(),
        )
        commands = WorkspaceCommands(resources)
        app = web.Application(middlewares=[door])
        app[SETTINGS] = settings
        app[POOL] = pool
        app[STORE] = store
        app[NEW_EVENTS] = NewEvents()
        app[NOTARY] = open_notary(settings, store, KeyRing([KEY]))
        now: Clock = clock
        app[CLOCK] = now
        app[COMMANDS] = commands
        app[WEBHOOKS] = Webhooks(pool, store, CookieBox([KEY]), clock, policy)
        setup_api(app)
        async with TestClient(TestServer(app)) as client:
            token = await create_token(pool, store, identity.names, "ada-support", "support", OPERATOR)
            yield Management(client, pool, store, clock, commands, token)
