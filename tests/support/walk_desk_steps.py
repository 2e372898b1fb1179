"""What owners, and whoever has a set-up link or a recovery code, do in a random walk."""

from collections.abc import Awaitable, Callable, Mapping

from support import walk_desk as desk
from support.walk_cast import PEOPLE, Walk
from support.walk_choice import owner_of, some_person, some_place

from events.envelope import Actor
from events.refusals import Refusal
from service.commands.asking import Asker
from service.commands.people import MemberChange
from service.commands.proposals import Explanation
from service.commands.terms import NO_TERMS


async def an_owner_makes_another(walk: Walk) -> None:
    """An owner makes another member an owner too: no page and no route of the API does that for them yet."""
    place = some_place(walk)
    owner = next((one for one in place.members if one.role == "owner" and one.active), None)
    others = [one for one in place.members if one is not owner and one.active and one.role != "owner"]
    if owner is None or not others:
        return
    chosen = walk.random.choice(others)
    walk.tell(f"{owner.address} makes {chosen.address} an owner of {place.slug}")
    of_owner = "select member_id::text from identity.members where workspace = $1 and email = $2"
    member_id = await walk.site.world.pool.fetchval(of_owner, place.slug, owner.address)
    asker = Asker(Actor("member", member_id), role="owner")
    try:
        wished = MemberChange(role="owner")
        await walk.api.commands.people.change(place.slug, chosen.address, wished, Explanation(), asker, NO_TERMS)
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


async def sets_up(walk: Walk) -> None:
    """Somebody uses a set-up link, be it old, or works at the desk that it leads to."""
    place, person = some_place(walk), some_person(walk)
    if place.setup_links and walk.random.random() < 0.5:
        link = walk.random.choice(place.setup_links[-3:])
        walk.tell(f"{person.name} uses a set-up link of {place.slug}")
        await desk.used_setup_link(walk, person, link, await desk.use_setup_link(person, link))
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
    sets_up: 4,
    makes_codes: 2,
    recovers: 2,
}
"""What they do, and how often."""
