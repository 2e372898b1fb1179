"""What may happen at the same time in a walk, around one person and one workspace."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from support import walk_connection as connection
from support import walk_desk as desk
from support import walk_google as google
from support import walk_mail as mail
from support import walk_members as members
from support import walk_sso as sso
from support.walk_cast import PEOPLE, SIGN_IN_LINK, Attempt, Letter, Person, Walk, account_of
from support.walk_choice import likely, reader, some_wish
from support.walk_desk_steps import make_owner, prepares
from support.walk_race import Move
from support.walk_site import GOOGLE
from support.walk_wish import Wish, answered, ask, carry_out
from support.who_is_who import Account, Place

Make = Callable[[Walk, Person, Place], Awaitable[Sequence[Move]]]


def wished(walk: Walk, wish: Wish | None) -> Sequence[Move]:
    """Support makes a change."""
    return [] if wish is None else [Move(str(wish), lambda _: ask(walk, wish), answered, (wish,))]


def _returns(attempt: Attempt | None) -> Sequence[Move]:
    if attempt is None:
        return []
    at_google = attempt.place is None
    means = google.came_from_google if at_google else sso.brought
    told = f"{attempt.person.name} comes back from {'Google' if at_google else attempt.account.subject}"
    return [Move(told, lambda browser: sso.bring(browser, attempt), means, (attempt,), attempt.person)]


async def returns(walk: Walk, person: Person, place: Place) -> Sequence[Move]:
    """Somebody comes back from the workspace's provider."""
    return _returns(await sso.begin(walk, person, place))


async def returns_elsewhere(walk: Walk, person: Person, place: Place) -> Sequence[Move]:
    """Somebody comes back from the provider in another browser, or another person does."""
    other = walk.random.choice([one for one in walk.people if one.name in PEOPLE and one is not person])
    return _returns(await sso.begin(walk, other, place))


async def returns_twice(walk: Walk, person: Person, place: Place) -> Sequence[Move]:
    """One answer of the provider's is brought twice, as by a double click."""
    attempt = await sso.begin(walk, person, place)
    return [*_returns(attempt), *_returns(attempt)]


async def eve_returns(walk: Walk, person: Person, place: Place) -> Sequence[Move]:
    """Eve comes back from the provider with an account that has the person's address."""
    if place.active is None:
        return []
    provider, victim = place.active.provider, PEOPLE[person.name]
    account = Account(provider, f"{provider}/eve-as-{victim}", victim)
    return _returns(await sso.begin(walk, walk.named("eve"), place, account))


async def returns_from_google(walk: Walk, person: Person, _place: Place) -> Sequence[Move]:
    """Somebody comes back from Google, mostly by an account that is linked."""
    first = account_of(PEOPLE[person.name], GOOGLE).subject not in walk.model.googles
    if first and walk.random.random() < 0.5:
        await google.sign_in_by_google(walk, person)
        return []
    return _returns(await google.go_to_google(walk, person))


async def uses_link(walk: Walk, person: Person, _place: Place) -> Sequence[Move]:
    """Somebody uses a magic link, in one of their browsers or at once in two."""
    before = len(walk.letters)
    await mail.ask_for_link(walk, person, PEOPLE[person.name])
    letters = [one for one in walk.letters[before:] if one.kind == SIGN_IN_LINK]
    hands = [person] if walk.random.random() < 0.7 else [person, reader(walk, PEOPLE[person.name])]
    return [_presses(one, hand) for one in letters for hand in hands]


def _presses(letter: Letter, person: Person) -> Move:
    told = f"{person.name} uses a link"
    return Move(told, lambda browser: mail.press(browser, letter), mail.used_link, (person, letter), person)


async def confirms(walk: Walk, person: Person, _place: Place) -> Sequence[Move]:
    """Somebody confirms that an account is theirs."""
    own = [one for one in walk.letters if one.kind == "link" and one.address == PEOPLE[person.name]]
    letters = [one for one in own if mail.is_own(one) and not one.used]
    if not letters:
        return []
    letter = letters[-1]
    return [
        Move(
            f"{person.name} confirms an account",
            lambda browser: mail.press(browser, letter),
            mail.confirmed,
            (letter,),
            person,
        )
    ]


async def accepts(walk: Walk, person: Person, place: Place) -> Sequence[Move]:
    """Somebody accepts an invitation, at once in two browsers."""
    address = PEOPLE[person.name]
    await carry_out(walk, members.invite_as(walk, place, address, walk.random.choice(members.ROLES)))
    invitation = place.invitations.get(address)
    if invitation is None or invitation.token is None:
        return []
    return [
        Move(
            f"{one.name} accepts",
            partial(mail.click, invitation=invitation),
            mail.clicked,
            (one, place, invitation),
            one,
        )
        for one in {id(one): one for one in (person, reader(walk, address))}.values()
    ]


async def signs_out(walk: Walk, person: Person, place: Place) -> Sequence[Move]:
    """The provider tells that somebody signed out there."""
    if place.active is None:
        return []
    account = sso.usual_account(person, place, place.active)
    token = sso.logout_of(walk, account, None)
    told = f"the provider of {place.slug} signs {person.name} out"
    return [Move(told, lambda _: sso.tell_of_logout(walk, place, token), sso.told_of_logout, (place, account, None))]


async def sets_up(walk: Walk, person: Person, place: Place) -> Sequence[Move]:
    """A set-up link is used in two browsers."""
    await carry_out(walk, connection.issue_setup_link(walk, place))
    link, other = place.setup_links[-1], walk.named("eve")
    return [
        Move(
            f"{one.name} uses a set-up link",
            partial(desk.use_setup_link, link=link),
            desk.used_setup_link,
            (one, link),
            one,
        )
        for one in {id(one): one for one in (person, other)}.values()
    ]


async def requires(walk: Walk, _person: Person, place: Place) -> Sequence[Move]:
    """SSO gets required."""
    return wished(walk, connection.require_sso(walk, place))


async def is_shut_out(walk: Walk, person: Person, place: Place) -> Sequence[Move]:
    """The person is deactivated, reactivated, demoted or removed."""
    address = PEOPLE[person.name]
    wish = walk.random.choice([members.shut_out, members.shut_out, members.let_back, members.remove])(place, address)
    return wished(walk, wish)


async def switches_off(walk: Walk, person: Person, place: Place) -> Sequence[Move]:
    """The person's domain is removed, or SSO is switched off."""
    domain = PEOPLE[person.name].partition("@")[2]
    off = connection.disable_sso(walk, place)
    return wished(walk, walk.random.choice([connection.forbid(place, domain), off]))


async def changes(walk: Walk, _person: Person, _place: Place) -> Sequence[Move]:
    """Support makes any change."""
    return wished(walk, some_wish(walk))


async def promotes(walk: Walk, _person: Person, place: Place) -> Sequence[Move]:
    """Credentials that an owner has just tested are promoted, or those before are taken back."""
    if not await prepares(walk, place):
        return []
    choice = walk.random.choice([connection.promote_credentials, connection.roll_back_credentials])
    return wished(walk, choice(walk, place))


async def two_owners_leave(walk: Walk, person: Person, place: Place) -> Sequence[Move]:
    """While SSO is required, one of two owners is demoted, and the other is deactivated or demoted."""
    await make_owner(walk, place, PEOPLE[person.name])
    await sso.sign_in(walk, person, place)
    await carry_out(walk, connection.require_sso(walk, place))
    owners = [one.address for one in place.members if one.role == "owner" and one.active]
    if len(owners) < 2:
        return []
    first, second = walk.random.sample(owners, 2)
    leaves = walk.random.choice([members.shut_out(place, second), members.give_role(place, second, "editor")])
    return [*wished(walk, members.give_role(place, first, "editor")), *wished(walk, leaves)]


MOVES: Mapping[Make, int] = {
    returns: 6,
    returns_elsewhere: 3,
    returns_twice: 2,
    eve_returns: 2,
    returns_from_google: 3,
    uses_link: 4,
    confirms: 2,
    accepts: 2,
    signs_out: 2,
    sets_up: 1,
    requires: 4,
    is_shut_out: 5,
    switches_off: 2,
    changes: 4,
    promotes: 3,
    two_owners_leave: 3,
}
"""What may happen at the same time, and how often."""


async def some_moves(walk: Walk) -> Sequence[Move]:
    """Choose two or three things that are to happen at the same time, and prepare them."""
    person, place = likely(walk)
    moves: list[Move] = []
    while len(moves) < 2:
        make = walk.random.choices(list(MOVES), list(MOVES.values()))[0]
        moves += await make(walk, person, place)
    return moves[:3]
