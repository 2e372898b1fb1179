"""What support and members do in a random walk: each step chooses who, where and how."""

from collections.abc import Awaitable, Callable, Mapping

from support import walk_google as google
from support import walk_mail as mail
from support import walk_members as members
from support import walk_sso as sso
from support.walk_cast import PEOPLE, SECOND, SIGN_IN_LINK, Letter, Person, Walk, account_of
from support.walk_check import check
from support.walk_choice import likely, reader, some_person, some_place, some_wish
from support.walk_site import GOOGLE
from support.walk_wish import carry_out
from support.who_is_who import Account, Place

Step = Callable[[Walk], Awaitable[None]]


async def support_changes(walk: Walk) -> None:
    """Support asks for a change."""
    wish = some_wish(walk)
    if wish is None:
        return
    walk.tell(str(wish))
    if await carry_out(walk, wish):
        walk.count(wish.means.__qualname__.partition(".")[0])
        if wish.path.endswith("/invitations") and walk.random.random() < 0.4:
            invited, invitation = walk.invited[-1]
            person = reader(walk, invitation.address)
            walk.tell(f"{person.name}, invited just now, signs in at {invited.slug} without the mailed link")
            await sso.sign_in(walk, person, invited)


async def comes_and_goes(walk: Walk) -> None:
    """Somebody who is signed in and a member of two workspaces is deactivated in one, and reactivated."""
    for person in walk.random.sample(walk.people, len(walk.people)):
        session = walk.model.live(person.session)
        own = [] if session is None else list(walk.model.memberships(session.holder))
        if len(own) > 1:
            place, member = walk.random.choice(own)
            walk.tell(f"{person.name}, signed in, is deactivated at {place.slug} and reactivated")
            if await carry_out(walk, members.shut_out(place, member.address)):
                await check(walk)
                await carry_out(walk, members.let_back(place, member.address))
                walk.count("came and went")
            return


def _account(walk: Walk, person: Person, place: Place) -> Account | None:
    """Sometimes their other account at the provider."""
    if place.active is None or walk.random.random() > 0.12:
        return None
    return account_of(PEOPLE[person.name], place.active.provider, walk.random.choice(["", SECOND]))


async def signs_in(walk: Walk) -> None:
    """Somebody signs in by SSO."""
    person, place = likely(walk)
    account = _account(walk, person, place)
    walk.tell(f"{person.name} signs in at {place.slug}" + (f" as {account.subject}" if account else ""))
    await sso.sign_in(walk, person, place, account)


async def leaves_for_the_provider(walk: Walk) -> None:
    """Somebody goes to the provider or to Google, and comes back later or never."""
    person, place = likely(walk)
    if sum(one.person is person and not one.used for one in walk.attempts) >= 2:
        return
    if walk.random.random() < 0.3:
        walk.tell(f"{person.name} goes to Google")
        await google.go_to_google(walk, person)
    else:
        walk.tell(f"{person.name} goes to the provider of {place.slug}")
        await sso.begin(walk, person, place)


async def comes_back(walk: Walk) -> None:
    """Somebody comes back from the provider, or goes through an answer once more that was used before."""
    if walk.attempts:
        attempt = walk.random.choice(walk.attempts[-4:])
        where = "Google" if attempt.place is None else attempt.place.slug
        walk.tell(f"{attempt.person.name} comes back from the provider of {where}")
        await (google.come_from_google if attempt.place is None else sso.finish)(walk, attempt)


async def comes_by_google(walk: Walk) -> None:
    """Somebody signs in with Google, at times by another account of their organisation with their address."""
    person = some_person(walk)
    other = account_of(PEOPLE[person.name], GOOGLE, SECOND) if walk.random.random() < 0.15 else None
    walk.tell(f"{person.name} signs in with Google" + (" by another account" if other else ""))
    await google.sign_in_by_google(walk, person, other)
    letter = walk.letters[-1] if walk.letters else None
    if letter is None or letter.kind != SIGN_IN_LINK or letter.subject is None or letter.used:
        return
    if letter.address == PEOPLE[person.name] and walk.random.random() < 0.7:
        walk.tell(f"{person.name} confirms it by mail")
        await mail.use_link(walk, person, letter)


async def asks_for_a_link(walk: Walk) -> None:
    """Somebody asks for a magic link, and mostly uses it."""
    person = some_person(walk)
    walk.tell(f"{person.name} asks for a link")
    before = len(walk.letters)
    await mail.ask_for_link(walk, person, PEOPLE[person.name])
    if len(walk.letters) > before and walk.random.random() < 0.7:
        walk.tell(f"{person.name} uses it")
        await mail.use_link(walk, person, walk.letters[-1])


async def opens_a_mail(walk: Walk) -> None:
    """Somebody presses the button of a mail of theirs, be it old."""
    letters = [one for one in walk.letters[-15:] if one.kind in {SIGN_IN_LINK, "link"} and _would_press(one)]
    if not letters:
        return
    letter = walk.random.choice(letters)
    person = reader(walk, letter.address)
    walk.tell(f"{person.name} presses the button of a mailed {letter.kind} of {letter.at:%H:%M:%S}")
    await (mail.use_link if letter.kind == SIGN_IN_LINK else mail.confirm)(walk, person, letter)


def _would_press(letter: Letter) -> bool:
    """Nobody confirms an account that is not theirs."""
    return letter.subject is None or mail.is_own(letter)


async def accepts(walk: Walk) -> None:
    """Somebody accepts an invitation, be it old."""
    if walk.invited:
        place, invitation = walk.random.choice(walk.invited[-6:])
        person = reader(walk, invitation.address)
        walk.tell(f"{person.name} accepts the invitation to {place.slug} as {invitation.role}")
        await mail.accept(walk, person, place, invitation)


async def signs_out(walk: Walk) -> None:
    """Somebody signs out."""
    person = walk.random.choice(walk.people)
    walk.tell(f"{person.name} signs out")
    await sso.sign_out(walk, person)


async def signs_out_at_the_provider(walk: Walk) -> None:
    """A provider tells that a session there has ended."""
    place, person = some_place(walk), some_person(walk)
    if place.active is None:
        return
    account = sso.usual_account(person, place, place.active)
    held = [one.sid for one in (person.session.shown if person.session else []) if one.sid]
    sid = walk.random.choice([None, *held, "of another session"])
    token = sso.logout_of(walk, account, sid)
    walk.tell(f"the provider of {place.slug} signs {person.name} out of {sid or 'everything'}")
    await sso.told_of_logout(walk, place, account, sid, await sso.tell_of_logout(walk, place, token))
    if walk.random.random() < 0.3:
        assert (await sso.tell_of_logout(walk, place, token)).status == 400, "a logout token was used twice"


async def time_passes(walk: Walk) -> None:
    """Time passes."""
    spans = [{"minutes": 5}, {"minutes": 31}, {"minutes": 61}, {"hours": 13}, {"days": 2}, {"days": 15}]
    by = walk.random.choices(spans, [6, 4, 4, 2, 1, 1])[0]
    walk.tell(f"time passes: {by}")
    await walk.turn(**by)


STEPS: Mapping[Step, int] = {
    support_changes: 36,
    comes_and_goes: 3,
    signs_in: 22,
    leaves_for_the_provider: 4,
    comes_back: 4,
    comes_by_google: 8,
    asks_for_a_link: 9,
    opens_a_mail: 6,
    accepts: 6,
    signs_out: 2,
    signs_out_at_the_provider: 3,
    time_passes: 5,
}
"""What happens, and how often."""
