"""What owners, and whoever has a set-up link or a recovery code, do in a random walk."""

from collections.abc import Awaitable, Callable, Mapping

from support import walk_connection as connection
from support import walk_desk as desk
from support import walk_sso as sso
from support.walk_cast import PEOPLE, Person, Walk, is_themselves
from support.walk_choice import likely, owner_of, some_person, some_place
from support.walk_wish import carry_out
from support.who_is_who import Place

from events.envelope import Actor
from events.refusals import Refusal
from service.commands.asking import Asker
from service.commands.people import MemberChange
from service.commands.proposals import Explanation
from service.commands.terms import NO_TERMS


async def an_owner_makes_another(walk: Walk) -> None:
    """An owner makes another member an owner too."""
    place = some_place(walk)
    others = [one.address for one in place.members if one.active and one.role != "owner"]
    if others:
        await make_owner(walk, place, walk.random.choice(others))


async def make_owner(walk: Walk, place: Place, address: str) -> None:
    """Have an owner make a member an owner too: no page and no route of the API does that for them yet."""
    chosen = place.addressed(address)
    owner = next((one for one in place.members if one.role == "owner" and one.active), None)
    if owner is None or chosen is None or not chosen.active or chosen.role == "owner" or not is_themselves(chosen):
        return
    walk.tell(f"{owner.address} makes {address} an owner of {place.slug}")
    of_owner = "select member_id::text from identity.members where workspace = $1 and email = $2"
    member_id = await walk.site.world.pool.fetchval(of_owner, place.slug, owner.address)
    asker = Asker(Actor("member", member_id), role="owner")
    try:
        wished = MemberChange(role="owner")
        await walk.api.commands.people.change(place.slug, address, wished, Explanation(), asker, NO_TERMS)
    except Refusal as refusal:
        walk.tell(f"  refused: {refusal.message}")
        return
    chosen.role = "owner"
    walk.count("another owner")


async def works_at_the_desk(walk: Walk) -> None:
    """Somebody stages, tests or promotes credentials at the owners' desk."""
    place = some_place(walk)
    person = owner_of(walk, place)
    base, may = f"/workspaces/{place.slug}/connection", desk.sits_as_owner(walk, person, place)
    actions = walk.random.choice([("stage",), ("test",), ("promote",), ("stage", "test", "promote")])
    walk.tell(f"{person.name} is to {', '.join(actions)} at the desk of {place.slug}")
    if "stage" in actions:
        await desk.stage(walk, person, place, base, may=may)
    if "test" in actions and place.staged is not None:
        await desk.test(walk, person, place, base, may=may)
    if "promote" in actions:
        await desk.promote(walk, person, place)


async def owner_at_the_desk(walk: Walk, place: Place) -> Person | None:
    """Return a browser of an owner who sits at the desk; they sign in by SSO for it where need be."""
    addresses = {one.address for one in place.members if one.role == "owner" and one.active}
    for owner in [one for one in walk.people if PEOPLE.get(one.name) in addresses]:
        if not desk.sits_as_owner(walk, owner, place):
            await sso.sign_in(walk, owner, place)
        if desk.sits_as_owner(walk, owner, place):
            return owner
    return None


async def prepares(walk: Walk, place: Place) -> bool:
    """Have an owner stage credentials and test them. Returns whether one was there to do it."""
    owner = await owner_at_the_desk(walk, place)
    base = f"/workspaces/{place.slug}/connection"
    if owner is not None:
        await desk.stage(walk, owner, place, base, may=True)
        await desk.test(walk, owner, place, base, may=True)
    return owner is not None


async def prepares_by_link(walk: Walk, place: Place) -> bool:
    """Have somebody who has a set-up link stage credentials and test them. Returns whether they work."""
    person = some_person(walk)
    if not await carry_out(walk, connection.issue_setup_link(walk, place)):
        return False
    link = place.setup_links[-1]
    await desk.used_setup_link(walk, person, link, await desk.use_setup_link(person.browser, link))
    await desk.stage(walk, person, place, desk.SETUP, may=True)
    await desk.test(walk, person, place, desk.SETUP, may=True)
    return place.staged is not None


async def switches_under_way(walk: Walk) -> None:
    """Credentials are promoted, or taken back after that, while somebody is at the provider under the other ones."""
    person, place = likely(walk)
    walk.tell(f"credentials of {place.slug} are switched while {person.name} is at the provider")
    if not await (prepares if walk.random.random() < 0.6 else prepares_by_link)(walk, place):
        return
    early = await sso.begin(walk, person, place)
    if not await carry_out(walk, connection.promote_credentials(walk, place)):
        return
    late = await sso.begin(walk, person, place)
    if walk.random.random() < 0.6:
        await carry_out(walk, connection.roll_back_credentials(walk, place))
    for attempt in (early, late):
        if attempt is not None and not attempt.used:
            await sso.finish(walk, attempt)
    walk.count("switched under way")


async def sets_up(walk: Walk) -> None:
    """Somebody uses a set-up link, be it old, or works at the desk that it leads to, be it taken back."""
    place, person = some_place(walk), some_person(walk)
    if walk.random.random() < 0.4:
        await carry_out(walk, connection.issue_setup_link(walk, place))
    if place.setup_links and walk.random.random() < 0.6:
        link = walk.random.choice(place.setup_links[-2:])
        walk.tell(f"{person.name} uses a set-up link of {place.slug}")
        await desk.used_setup_link(walk, person, link, await desk.use_setup_link(person.browser, link))
        if walk.random.random() < 0.3:
            await carry_out(walk, connection.take_back(place, link.identifier))
    sitting = [one for one in walk.people if one.desk is not None and one.name in PEOPLE] or [person]
    person = walk.random.choice(sitting)
    place = next((one for one in walk.model.places.values() if person.desk in one.setup_links), place)
    may = desk.sits_by_link(walk, person)
    action = walk.random.choice(["stage", "test", "reach"])
    walk.tell(f"{person.name} is to {action} by a set-up link of {place.slug}, which {'holds' if may else 'ended'}")
    if action == "stage":
        await desk.stage(walk, person, place, desk.SETUP, may=may)
    elif action == "test" and may:
        await desk.test(walk, person, place, desk.SETUP, may=may)
    else:
        await desk.reach_for_active(walk, person, place)


async def makes_codes(walk: Walk) -> None:
    """Somebody asks for recovery codes."""
    place = some_place(walk)
    person = owner_of(walk, place)
    walk.tell(f"{person.name} asks for recovery codes of {place.slug}")
    await desk.make_codes(walk, person, place)


async def recovers(walk: Walk) -> None:
    """Somebody uses a recovery code, their own or another's."""
    place = some_place(walk)
    codes = [code for member in place.members for code in member.codes] or ["AAAA-AAAA-AAAA-AAAA"]
    person = owner_of(walk, place)
    walk.tell(f"{person.name} uses a recovery code of {place.slug}")
    await desk.recover(walk, person, place, PEOPLE[person.name], walk.random.choice(codes))


DESK_STEPS: Mapping[Callable[[Walk], Awaitable[None]], int] = {
    an_owner_makes_another: 2,
    works_at_the_desk: 5,
    switches_under_way: 3,
    sets_up: 6,
    makes_codes: 2,
    recovers: 2,
}
"""What they do, and how often."""
