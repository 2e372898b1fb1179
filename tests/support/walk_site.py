"""Two workspaces with providers of their own, Google beside them, and the management API: all that a walk runs on."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from support.database import TestDatabase
from support.identity_world import KEY
from support.management import OPERATOR, Management, door
from support.provider import FakeProvider
from support.service import free_port
from support.site import Site, running_site
from support.tokens import Json
from support.turned_database import turned_pool
from support.walk_cast import HOME, OWNERS, PEOPLE, PROVIDERS, Person, Walk
from support.who_is_who import Place
from support.who_may import Model

from events.sealing import KeyRing
from service.api.routes import setup_api
from service.checkpoints import open_notary
from service.keys import CLOCK, COMMANDS, NOTARY, POOL, SETTINGS, STORE
from service.tokens import create_token

GOOGLE = "google"


class TellingProvider(FakeProvider):
    """Puts into the ID token what Okta leaves to userinfo, or tells on request: whoever signs in brings it along.

    It goes by the code and not by what the provider says at the moment, so that sign-ins may come together.
    """

    def id_token(self, nonce: str, access_token: str, person: Json | None = None) -> str:
        """Return a signed ID token."""
        known = person or self.person
        self.claim_changes = {name: known.get(name) for name in ("email_verified", "hd", "sid")}
        return super().id_token(nonce, access_token, person)


@asynccontextmanager
async def _managed(site: Site) -> AsyncIterator[Management]:
    """The management API on the site's database, by the site's clock."""
    own, world = site.client.app, site.world
    assert own is not None
    app = web.Application(middlewares=[door])
    app[SETTINGS], app[POOL], app[CLOCK], app[COMMANDS] = own[SETTINGS], own[POOL], own[CLOCK], own[COMMANDS]
    store = world.resources.store
    app[STORE], app[NOTARY] = store, open_notary(own[SETTINGS], store, KeyRing([KEY]))
    setup_api(app)
    async with TestClient(TestServer(app)) as client:
        token = await create_token(world.pool, store, world.resources.names, "support", "support", OPERATOR)
        yield Management(client, world.pool, store, world.clock, own[COMMANDS], token)


@asynccontextmanager
async def walking(database: TestDatabase, seed: int) -> AsyncIterator[Walk]:
    """Open everything; the workspaces are still to be registered."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(turned_pool(database))
        names = sorted({name for own in PROVIDERS.values() for name in own})
        providers: dict[str, FakeProvider] = {
            name: TellingProvider(client_secret=f"secret-of-{name}") for name in names
        }
        first = providers["acme"]
        google = providers[GOOGLE] = TellingProvider(client_secret="secret-of-google", port=free_port())
        settings = {
            "google_issuer": google.issuer,
            "google_client_id": google.client_id,
            "google_client_secret": google.client_secret,
        }
        site = await stack.enter_async_context(running_site(pool, first, own_secrets=True, app_url=HOME, **settings))
        for one in providers.values():
            if one is not first:
                one.now = first.now
                await stack.enter_async_context(one)
        api = await stack.enter_async_context(_managed(site))
        model = Model(site.world.clock.now, {slug: Place(slug) for slug in OWNERS})
        people = [Person(name, site.browser()) for name in (*PEOPLE, "ada", "thief")]
        walk = Walk(site, api, providers, model, random.Random(seed), people)  # noqa: S311 - a walk, no secret
        await walk.turn(seconds=1)
        yield walk
