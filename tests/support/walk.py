"""A random walk of support, members and attackers; after every step the service has to agree with the small model."""

from collections.abc import Awaitable, Callable, Mapping

from support import walk_admin as admin
from support import walk_people as people
from support.walk_site import HOME, OWNERS, PEOPLE, PROVIDERS, Letter, Person, Walk, account_of
from support.who_arrives import LINK_LASTS
from support.who_may import Account, Place

Step = Callable[[Walk], Awaitable[None]]
SESSION = "__Host-keyledger-session"


def _place(walk: Walk) -> Place:
    return walk.model.places[walk.random.choice(list(OWNERS))]


def _person(walk: Walk) -> Person:
    return walk.random.choice([one for one in walk.people if one.name in PEOPLE])


def _reader(walk: Walk, address: str) -> Person:
    return walk.random.choice([one for one in walk.people if PEOPLE.get(one.name) == address])


async def support_changes(walk: Walk) -> None:
    """Support asks for a change."""
    change = walk.random.choices(list(admin.CHANGES), list(admin.CHANGES.values()))[0]
    place = _place(walk)
    walk.tell(f"support: {change.__name__} at {place.slug}")
    if await change(walk, place):
        walk.count(change.__name__)
        if change is admin.invite and walk.random.random() < 0.4:
            person, invited = _reader(walk, walk.invited[-1][1].address), walk.invited[-1][0]
            walk.tell(f"{person.name}, invited just now, signs in at {invited.slug} without the mailed link")
            await people.sign_in(walk, person, invited)


def _likely(walk: Walk) -> tuple[Person, Place]:
    """Somebody, and a workspace: mostly one whose provider they may come by."""
    person, places = _person(walk), list(walk.model.places.values())
    near = [one for one in places if one.allows(PEOPLE[person.name])] or places
    return person, walk.random.choice(near if walk.random.random() < 0.9 else places)


async def signs_in(walk: Walk) -> None:
    """Somebody signs in by SSO."""
    person, place = _likely(walk)
    walk.tell(f"{person.name} signs in at {place.slug}")
    await people.sign_in(walk, person, place)


async def leaves_for_the_provider(walk: Walk) -> None:
    """Somebody goes to the provider, and comes back later or never."""
    person, place = _likely(walk)
    if sum(one.person is person and not one.used for one in walk.attempts) >= 2:
        return
    walk.tell(f"{person.name} goes to the provider of {place.slug}")
    await people.begin(walk, person, place)


async def comes_back(walk: Walk) -> None:
    """Somebody comes back from the provider, or goes through an answer once more that was used before."""
    if walk.attempts:
        attempt = walk.random.choice(walk.attempts[-4:])
        walk.tell(f"{attempt.person.name} comes back to {attempt.place.slug}")
        await people.finish(walk, attempt)


async def asks_for_a_link(walk: Walk) -> None:
    """Somebody asks for a magic link, and mostly uses it."""
    person = _person(walk)
    walk.tell(f"{person.name} asks for a link")
    before = len(walk.letters)
    await people.ask_for_link(walk, person, PEOPLE[person.name])
    if len(walk.letters) > before and walk.random.random() < 0.7:
        walk.tell(f"{person.name} uses it")
        await people.use_link(walk, person, walk.letters[-1])


async def opens_a_mail(walk: Walk) -> None:
    """Somebody presses the button of a mail of theirs, be it old."""
    letters = [one for one in walk.letters[-15:] if one.kind in {"login/magic-link", "link"}]
    if not letters:
        return
    letter = walk.random.choice(letters)
    person = _reader(walk, letter.address)
    if letter.kind == "login/magic-link":
        walk.tell(f"{person.name} uses a link of {letter.at:%H:%M:%S}")
        await people.use_link(walk, person, letter)
    elif letter.about is None or _is_own(letter):
        walk.tell(f"{person.name} confirms a sign-in of {letter.at:%H:%M:%S}")
        await people.confirm(walk, person, letter)


def _is_own(letter: Letter) -> bool:
    return letter.about is not None and letter.about[1] == account_of(letter.address, letter.about[1].provider)


async def accepts(walk: Walk) -> None:
    """Somebody accepts an invitation, be it old."""
    if walk.invited:
        place, invitation = walk.random.choice(walk.invited[-6:])
        person = _reader(walk, invitation.address)
        walk.tell(f"{person.name} accepts the invitation to {place.slug} as {invitation.role}")
        await people.accept(walk, person, place, invitation)


async def signs_out(walk: Walk) -> None:
    """Somebody signs out."""
    person = walk.random.choice(walk.people)
    walk.tell(f"{person.name} signs out")
    await people.sign_out(walk, person)


async def tests_what_is_staged(walk: Walk) -> None:
    """Somebody tests staged credentials at the workspace's desk."""
    place = _place(walk)
    person = _owner(walk, place)
    walk.tell(f"{person.name} tests what is staged at {place.slug}")
    await people.try_credentials(walk, person, place)


def _owner(walk: Walk, place: Place) -> Person:
    owners = [one.address for one in place.members if one.role == "owner" and one.active]
    if owners and walk.random.random() < 0.8:
        return _reader(walk, walk.random.choice(owners))
    return _person(walk)


async def makes_codes(walk: Walk) -> None:
    """Somebody asks for recovery codes."""
    place = _place(walk)
    person = _owner(walk, place)
    walk.tell(f"{person.name} asks for recovery codes of {place.slug}")
    await people.make_codes(walk, person, place)


async def recovers(walk: Walk) -> None:
    """Somebody uses a recovery code, their own or another's."""
    place = _place(walk)
    codes = [code for member in place.members for code in member.codes] or ["AAAA-AAAA-AAAA-AAAA"]
    person = _owner(walk, place)
    walk.tell(f"{person.name} uses a recovery code of {place.slug}")
    await people.recover(walk, person, place, PEOPLE[person.name], walk.random.choice(codes))


async def time_passes(walk: Walk) -> None:
    """Time passes."""
    spans = [{"minutes": 5}, {"minutes": 31}, {"minutes": 61}, {"hours": 13}, {"days": 2}, {"days": 15}]
    by = walk.random.choices(spans, [6, 4, 4, 2, 1, 1])[0]
    walk.tell(f"time passes: {by}")
    await walk.turn(**by)


async def eve_says_to_be_somebody(walk: Walk) -> None:
    """Eve, who runs globex's provider, has it say that she has another's address."""
    place, everybody = walk.model.places["globex"], list(PEOPLE.values())
    victim = walk.random.choice([one for one in everybody if place.allows(one)] or everybody)
    eve = next(one for one in walk.people if one.name == "eve")
    if place.active is None:
        return
    walk.tell(f"eve comes from the provider of globex as {victim}")
    account = Account(place.active.provider, f"{place.active.provider}/eve-as-{victim}", victim)
    await people.sign_in(walk, eve, place, account)


async def foreign_address(walk: Walk) -> None:
    """Somebody comes from the right provider with an address that only looks like one of an allowed domain."""
    person, place = _person(walk), _place(walk)
    address = walk.random.choice(["ada@sub.acme.example", "ada@evil-acme.example", "ada@acme.example.evil.example"])
    if place.active is None:
        return
    walk.tell(f"{person.name} comes to {place.slug} as {address}")
    await people.sign_in(walk, person, place, Account(place.active.provider, f"foreign/{address}", address))


async def steals_a_cookie(walk: Walk) -> None:
    """A thief has a copy of somebody's cookie as it is now, and keeps it."""
    thief, victim = walk.people[-1], _person(walk)
    if SESSION in victim.browser.cookies:
        walk.tell(f"a thief copies {victim.name}'s cookie")
        thief.browser.cookies = {SESSION: victim.browser.cookies[SESSION]}
        thief.session = victim.session


async def brings_an_answer_elsewhere(walk: Walk) -> None:
    """An answer of a provider is brought by another browser, or to another workspace."""
    if not walk.attempts:
        return
    attempt, other = walk.random.choice(walk.attempts[-4:]), _person(walk)
    address = attempt.address
    if other is attempt.person:
        elsewhere = next(slug for slug in OWNERS if slug != attempt.place.slug)
        address = address.replace(f"/callback/{attempt.place.slug}", f"/callback/{elsewhere}")
    walk.tell(f"{other.name} brings an answer of {attempt.person.name}'s to {address.partition('?')[0]}")
    held = other.browser.cookies.get(SESSION)
    await other.browser.get(address)
    # Whoever is signed in there goes on to the application, by the session that they have.
    assert other.browser.cookies.get(SESSION) in {held, None}


async def finds_an_old_mail(walk: Walk) -> None:
    """Eve comes by mails of others that were used, or are too old."""
    model, eve = walk.model, next(one for one in walk.people if one.name == "eve")
    old = [one for one in walk.letters if one.kind == "login/magic-link"]
    old = [one for one in old if one.used or model.now - one.at >= LINK_LASTS]
    if old:
        letter = walk.random.choice(old)
        walk.tell(f"eve uses an old link of {letter.address}")
        await people.use_link(walk, eve, letter)


STEPS: Mapping[Step, int] = {
    support_changes: 36,
    signs_in: 24,
    leaves_for_the_provider: 4,
    comes_back: 4,
    asks_for_a_link: 10,
    opens_a_mail: 6,
    accepts: 6,
    signs_out: 2,
    tests_what_is_staged: 4,
    makes_codes: 2,
    recovers: 2,
    time_passes: 5,
    eve_says_to_be_somebody: 5,
    foreign_address: 1,
    steals_a_cookie: 2,
    brings_an_answer_elsewhere: 2,
    finds_an_old_mail: 1,
}
"""What happens, and how often."""


async def set_up(walk: Walk) -> None:
    """Register both workspaces, with an owner who has signed in by SSO."""
    for slug, owner in OWNERS.items():
        place, person = walk.model.places[slug], next(one for one in walk.people if one.name == owner)
        await walk.api.register(slug)
        domain = PEOPLE[owner].partition("@")[2]
        assert await admin.record(walk, place, "DomainAdded", domain=domain)
        place.domains[domain] = False
        name = PROVIDERS[slug][0]
        assert await admin.set_up_at(walk, place, "CredentialsSet", name, walk.providers[name].client_secret)
        assert await admin.enable_sso(walk, place)
        assert await admin.invite_as(walk, place, PEOPLE[owner], "owner")
        while not any(one.accounts for one in place.members):
            await walk.turn(seconds=1)
            await people.accept(walk, person, place, place.invitations[PEOPLE[owner]])
        await check(walk)
    for slug, domain in (("acme", "shared.example"), ("globex", "shared.example"), ("globex", "acme.example")):
        assert await admin.record(walk, walk.model.places[slug], "DomainAdded", domain=domain)
        walk.model.places[slug].domains[domain] = False
    acme, grace = walk.model.places["acme"], next(one for one in walk.people if one.name == "grace")
    assert await admin.invite_as(walk, acme, PEOPLE["grace"], "admin")
    await people.accept(walk, grace, acme, acme.invitations[PEOPLE["grace"]])
    if walk.random.random() < 0.7:
        await admin.require_sso(walk, acme)
    mary = next(one for one in walk.people if one.name == "mary")
    await people.sign_in(walk, mary, walk.model.places["globex"])
    await check(walk)


async def take_steps(walk: Walk, steps: int) -> None:
    """Walk."""
    for _ in range(steps):
        await walk.turn(seconds=1)
        await walk.random.choices(list(STEPS), list(STEPS.values()))[0](walk)
        await check(walk)
    await owners_get_in(walk)


async def check(walk: Walk) -> None:
    """See that each browser opens exactly what the model says, and that some owner of each workspace has a way in."""
    model = walk.model
    for person in walk.people:
        live = model.look(person.session)
        expected = None if live is None else {one.slug for one in model.places.values() if model.opens(live, one)}
        answer = await person.browser.get("/api/session")
        told = {one["slug"] for one in (await answer.json())["workspaces"]} if answer.status == 200 else None
        assert told == expected, (person.name, "opens", told, "and should open", expected)
        if walk.random.random() < 0.3:
            await _check_open(walk, person)
    for place in model.places.values():
        if place.required is not None:
            assert list(model.ways_in(place, account_of)), f"no owner of {place.slug} has a way in"


async def _check_open(walk: Walk, person: Person) -> None:
    place = _place(walk)
    answer = await person.browser.get(f"/open/{place.slug}")
    opened = answer.headers["Location"] == HOME
    assert opened == walk.model.opens(person.session, place), (person.name, place.slug, opened)


async def owners_get_in(walk: Walk) -> None:
    """See each owner who has a way in go it, from a browser that holds nothing."""
    for place in walk.model.places.values():
        await walk.turn(minutes=16)
        for owner, way in list(walk.model.ways_in(place, account_of)):
            await walk.turn(seconds=1)
            name = next(name for name, address in PEOPLE.items() if address == owner.address)
            person = Person(name, walk.site.browser())
            walk.tell(f"{name}, owner of {place.slug}, goes in by {way}")
            await _goes_in(walk, person, place, way)
            if way != "recovery":
                assert walk.model.opens(person.session, place), (name, way)
            walk.people.append(person)
            await check(walk)


async def _goes_in(walk: Walk, person: Person, place: Place, way: str) -> None:
    address = PEOPLE[person.name]
    if way == "mail":
        await people.ask_for_link(walk, person, address)
        await people.use_link(walk, person, walk.letters[-1])
    elif way == "recovery":
        owner = place.addressed(address)
        assert owner is not None
        await people.recover(walk, person, place, address, owner.codes[0])
    else:
        await people.sign_in(walk, person, place)
        letter = walk.letters[-1]
        if letter.kind == "link" and not letter.used and not walk.model.opens(person.session, place):
            await people.confirm(walk, person, letter)
            await walk.turn(seconds=1)
            await people.sign_in(walk, person, place)
