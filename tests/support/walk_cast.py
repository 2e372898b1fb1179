"""Who takes part in a walk, what they hold, and everything that the walk goes through beside the model of it."""

import random
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from support.browser import Browser
from support.identity_mail import KeptMails, deliver
from support.management import Management
from support.provider import FakeProvider
from support.site import Site
from support.turned_database import turn_database
from support.who_is_who import Account, Credentials, Invitation, Member, Place, Session, SetupLink
from support.who_may import Model

from service.commands.lapses import Lapses

HOME = "https://app.example/home"
PEOPLE = {
    "ada": "ada@acme.example",
    "grace": "grace@acme.example",
    "joan": "joan@globex.example",
    "mary": "mary@shared.example",
    "eve": "eve@elsewhere.example",
}
OWNERS = {"acme": "ada", "globex": "joan"}
PROVIDERS = {"acme": ("acme", "acme-new", "group"), "globex": ("globex", "globex-new", "group")}
DOMAINS = ("acme.example", "globex.example", "shared.example")
SIGN_IN_LINK = "login/magic-link"
_SUBJECT = """
    select subject from identity.link_confirmations where token_hash = $1
    union select subject from identity.magic_links where token_hash = $1
"""
_LINK = re.compile(r"https://id\.example/(login/magic-link|invitation|link|recovery)/(\S+)")


@dataclass(eq=False)
class Person:
    """A browser, whose it is, and what the model says that it holds. ``desk``: the set-up link that it used last."""

    name: str
    browser: Browser
    session: Session | None = None
    clicked: tuple[Invitation, Any] | None = None
    desk: SetupLink | None = None


@dataclass(frozen=True, eq=False)
class Asked:
    """What a mailed link confirms: that the account is the member's, or the invitee's.

    ``replaces``: in another account's place.
    ``place`` and ``target`` are ``None`` where it is an account at Google, which belongs to no workspace.
    """

    account: Account
    place: Place | None = None
    target: Member | Invitation | None = None
    replaces: bool = False


@dataclass(eq=False)
class Letter:
    """A mailed link. ``subject``: whose account it is to confirm; ``about``: all of what, if it was foreseen."""

    kind: str
    address: str
    path: str
    at: Any
    subject: str | None
    used: bool = False
    about: Asked | None = None


@dataclass(eq=False)
class Attempt:
    """A sign-in that came back from the provider and is still to be brought to the service. No place: from Google."""

    person: Person
    place: Place | None
    credentials: Credentials | None
    account: Account
    address: str
    at: Any
    sid: str | None = None
    used: bool = False


def account_of(address: str, provider: str, second: str = "") -> Account:
    """Return the account that the address's own person has at a provider, or their ``second`` one there."""
    return Account(provider, f"{provider}/{address}{second}", address)


SECOND = "/second"


def own_subjects(address: str, provider: str) -> Collection[str]:
    """Return the subjects of all accounts that the address's own person has at a provider."""
    return {account_of(address, provider).subject, account_of(address, provider, SECOND).subject}


def is_themselves(member: Member) -> bool:
    """Whether the accounts that are linked are of the address' own person, and not Eve's who said to have it."""
    return all(one in own_subjects(member.address, name) for name, one in member.accounts.items())


@dataclass
class Walk:
    """Everything that a walk goes through. ``story`` tells the steps so far.

    ``arrived``: in a race, the mails that came of it, to be handed out in whatever order is tried.
    """

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
    arrived: list[Letter] | None = None

    def tell(self, sentence: str) -> None:
        """Add to the story."""
        self.story.append(sentence)

    def count(self, what: str) -> None:
        """Note that something came to pass, so that a test can see that walks are not all refusals."""
        self.done[what] = self.done.get(what, 0) + 1

    def named(self, name: str) -> Person:
        """Return the first browser of a person."""
        return next(one for one in self.people if one.name == name)

    def gives_up(self) -> bool:
        """Whether somebody who is asked whether to change account leaves it at that; in a race, all do."""
        return self.arrived is not None or self.random.random() < 0.3

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

    async def mails(self, kind: str, about: Asked | None = None) -> list[Letter]:
        """Have the mails delivered, and return the links of this kind. ``about``: what they are to confirm."""
        subject = None if about is None else about.account.subject
        if self.arrived is None:
            came = await self.delivered()
            self.letters += came
        else:
            came = [one for one in self.arrived if one.subject == subject]
        found = [one for one in came if one.kind == kind]
        if self.arrived is not None:
            # No step sends two.
            found = found[:1]
        for letter in found:
            letter.about = about
        if self.arrived is not None:
            self.arrived = [one for one in self.arrived if one not in found]
            self.letters += found
        return found

    async def delivered(self) -> list[Letter]:
        """Have the mails delivered, and return those with links."""
        kept = KeptMails()
        while await deliver(self.site.world, kept):
            pass
        found = []
        for message in kept.kept:
            body = message.get_body(("plain",))
            link = None if body is None else _LINK.search(body.get_content())
            if link is not None:
                token = sha256(link[2].encode()).digest()
                subject = await self.site.world.pool.fetchval(_SUBJECT, token)
                path = f"/{link[1]}/{link[2]}"
                found.append(Letter(link[1], message["To"], path, self.model.now, subject))
        return found
