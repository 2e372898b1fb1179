"""What attackers do in a random walk."""

from collections.abc import Awaitable, Callable, Mapping

from support.walk_cast import OWNERS, PEOPLE, SIGN_IN_LINK, Walk, account_of
from support.walk_choice import some_person, some_place
from support.walk_google import sign_in_by_google
from support.walk_mail import use_link
from support.walk_site import GOOGLE
from support.walk_sso import logout_of, sign_in, tell_of_logout
from support.walk_state import COOKIE
from support.who_arrives import LINK_LASTS
from support.who_is_who import Account


async def eve_says_to_be_somebody(walk: Walk) -> None:
    """Eve, who runs globex's provider, has it say that she has another's address, verified or not."""
    place, everybody = walk.model.places["globex"], list(PEOPLE.values())
    victim = walk.random.choice([one for one in everybody if place.allows(one)] or everybody)
    if place.active is None:
        return
    verified = walk.random.random() < 0.7
    walk.tell(f"eve comes from the provider of globex as {victim}{'' if verified else ', unverified'}")
    account = Account(place.active.provider, f"{place.active.provider}/eve-as-{victim}", victim, verified)
    await sign_in(walk, walk.named("eve"), place, account)


async def eve_makes_an_account_at_google(walk: Walk) -> None:
    """Eve makes an account at Google with another's address, which no organisation there vouches for."""
    victim = walk.random.choice(list(PEOPLE.values()))
    walk.tell(f"eve comes by Google as {victim}")
    await sign_in_by_google(walk, walk.named("eve"), Account(GOOGLE, f"google/eve-as-{victim}", victim, verified=False))


async def eve_signs_others_out(walk: Walk) -> None:
    """Eve, who runs globex's provider, has it say to another workspace that somebody signed out."""
    globex, acme, victim = walk.model.places["globex"], walk.model.places["acme"], some_person(walk)
    if globex.active is not None and (acme.active is None or acme.active.provider != globex.active.provider):
        walk.tell(f"the provider of globex tells acme that {victim.name} signed out")
        token = logout_of(walk, account_of(PEOPLE[victim.name], globex.active.provider), None)
        assert (await tell_of_logout(walk, acme, token)).status == 400, "another workspace's provider was believed"


async def foreign_address(walk: Walk) -> None:
    """Somebody comes from the right provider with an address that only looks like one of an allowed domain."""
    person, place = some_person(walk), some_place(walk)
    address = walk.random.choice(["ada@sub.acme.example", "ada@evil-acme.example", "ada@acme.example.evil.example"])
    if place.active is None:
        return
    walk.tell(f"{person.name} comes to {place.slug} as {address}")
    await sign_in(walk, person, place, Account(place.active.provider, f"foreign/{address}", address))


async def steals_a_cookie(walk: Walk) -> None:
    """A thief has a copy of somebody's cookie as it is now, and keeps it."""
    thief, victim = walk.people[-1], some_person(walk)
    if COOKIE in victim.browser.cookies:
        walk.tell(f"a thief copies {victim.name}'s cookie")
        thief.browser.cookies = {COOKIE: victim.browser.cookies[COOKIE]}
        thief.session = victim.session


async def brings_an_answer_elsewhere(walk: Walk) -> None:
    """An answer of a provider is brought by another browser, or to another workspace."""
    attempts = [one for one in walk.attempts[-6:] if one.place is not None]
    if not attempts:
        return
    attempt, other = walk.random.choice(attempts), some_person(walk)
    address, slug = attempt.address, attempt.place.slug if attempt.place else ""
    if other is attempt.person:
        elsewhere = next(one for one in OWNERS if one != slug)
        address = address.replace(f"/callback/{slug}", f"/callback/{elsewhere}")
    walk.tell(f"{other.name} brings an answer of {attempt.person.name}'s to {address.partition('?')[0]}")
    held = other.browser.cookies.get(COOKIE)
    await other.browser.get(address)
    # Whoever is signed in there goes on to the application, by the session that they have.
    assert other.browser.cookies.get(COOKIE) in {held, None}


async def finds_an_old_mail(walk: Walk) -> None:
    """Eve comes by mails of others that were used, or are too old."""
    model, eve = walk.model, walk.named("eve")
    old = [one for one in walk.letters if one.kind == SIGN_IN_LINK]
    old = [one for one in old if one.used or model.now - one.at >= LINK_LASTS]
    if old:
        letter = walk.random.choice(old)
        walk.tell(f"eve uses an old link of {letter.address}")
        await use_link(walk, eve, letter)


ATTACKS: Mapping[Callable[[Walk], Awaitable[None]], int] = {
    eve_says_to_be_somebody: 6,
    eve_makes_an_account_at_google: 2,
    eve_signs_others_out: 1,
    foreign_address: 1,
    steals_a_cookie: 2,
    brings_an_answer_elsewhere: 2,
    finds_an_old_mail: 1,
}
"""What attackers do, and how often."""
