"""Two workspaces with providers of their own, people with browsers and mailboxes, and the management API beside."""

import random
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from support.browser import Browser
from support.database import TestDatabase
from support.identity_mail import KeptMails, deliver
from support.identity_world import KEY
from support.management import OPERATOR, Management, door
from support.provider import FakeProvider
from support.site import Site, running_site
from support.turned_database import turn_database, turned_pool
from support.who_may import Account, Credentials, Invitation, Member, Model, Place, Session

from events.sealing import KeyRing
from service.api.routes import setup_api
from service.checkpoints import open_notary
from service.commands.lapses import Lapses
from service.keys import CLOCK, COMMANDS, NOTARY, POOL, SETTINGS, STORE
from service.tokens import create_token

HOME = "https://app.example/home"
PEOPLE = {
    "ada": "ada@acme.example",
    "grace": "grace@acme.example",
    "joan": "joan@globex.example",
    "mary": "mary@shared.example",
    "eve": "eve@elsewhere.example",
}
OWNERS = {"acme": "ada", "globex": "joan"}
PROVIDERS = {"acme": ("acme", "acme-new"), "globex": ("globex", "globex-new")}
DOMAINS = ("acme.example", "globex.example", "shared.example")
_LINK = re.compile(r"https://id\.example/(login/magic-link|invitation|link|recovery)/(\S+)")


@dataclass(eq=False)
class Person:
    """A browser, whose it is, and what the model says that it holds."""

    name: str
    browser: Browser
    session: Session | None = None
    clicked: tuple[Invitation, Any] | None = None


@dataclass(eq=False)
class Letter:
    """A mailed link. ``about``: what it is to confirm, where it confirms a sign-in."""

    kind: str
    address: str
    path: str
    at: Any
    used: bool = False
    about: tuple[Place, Account, Member | Invitation] | None = None


@dataclass(eq=False)
class Attempt:
    """A sign-in or a test that came back from the provider and is still to be brought to the service."""

    person: Person
    place: Place
    credentials: Credentials
    account: Account
    address: str
    at: Any
    test: bool = False
    used: bool = False


def account_of(address: str, provider: str) -> Account:
    """Return the account that the address's own person has at a provider."""
    return Account(provider, f"{provider}/{address}", address)


@dataclass
class Walk:
    """Everything that a walk goes through, beside the model of it. ``story`` tells the steps so far."""

    site: Site
    api: Management
    providers: dict[str, FakeProvider]
    model: Model
    random: random.Random
    people: list[Person]
    letters: list[Letter] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    invited: list[tuple[Place, Invitation]] = field(default_factory=list)
    known: dict[str, Credentials] = field(default_factory=dict)
    story: list[str] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)

    def tell(self, sentence: str) -> None:
        """Add to the story."""
        self.story.append(sentence)

    def count(self, what: str) -> None:
        """Note that something came to pass, so that a test can see that walks are not all refusals."""
        self.done[what] = self.done.get(what, 0) + 1

    async def turn(self, **by: int) -> None:
        """Turn all clocks, and have the service do what it does when time passes."""
        clock = self.site.world.clock
        clock.turn(**by)
        self.model.now = clock.now
        await turn_database(self.site.world.pool, clock.now)
        await Lapses(self.api.commands).lift_due()
        for place in self.model.places.values():
            required = place.required
            if required is not None and not required.confirmed and required.confirm_by is not None:
                place.required = None if required.confirm_by <= self.model.now else required

    async def mails(self, about: tuple[Place, Account, Member | Invitation] | None = None) -> list[Letter]:
        """Have the mails delivered, and return those with links."""
        kept = KeptMails()
        while await deliver(self.site.world, kept):
            pass
        fresh = []
        for message in kept.kept:
            body = message.get_body(("plain",))
            found = None if body is None else _LINK.search(body.get_content())
            if found is not None:
                path = f"/{found[1]}/{found[2]}"
                fresh.append(Letter(found[1], message["To"], path, self.model.now, about=about))
        self.letters += fresh
        return fresh


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
        token = await create_token(world.pool, store, "support", "support", OPERATOR)
        yield Management(client, world.pool, store, world.clock, own[COMMANDS], token)


@asynccontextmanager
async def walking(database: TestDatabase, seed: int) -> AsyncIterator[Walk]:
    """Open everything; the workspaces are still to be registered."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(turned_pool(database))
        names = [name for pair in PROVIDERS.values() for name in pair]
        providers = {name: FakeProvider(client_secret=f"secret-of-{name}") for name in names}
        first, *others = providers.values()
        site = await stack.enter_async_context(running_site(pool, first, own_secrets=True, app_url=HOME))
        for one in others:
            one.now = first.now
            await stack.enter_async_context(one)
        api = await stack.enter_async_context(_managed(site))
        model = Model(site.world.clock.now, {slug: Place(slug) for slug in OWNERS})
        people = [Person(name, site.browser()) for name in (*PEOPLE, "ada", "thief")]
        walk = Walk(site, api, providers, model, random.Random(seed), people)  # noqa: S311 - a walk, no secret
        await walk.turn(seconds=1)
        yield walk
