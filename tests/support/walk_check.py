"""After each step of a walk: every browser opens what the model says, and some owner of each workspace has a way in."""

from support import walk_desk as desk
from support import walk_mail as mail
from support import walk_sso as sso
from support.walk_cast import HOME, PEOPLE, Person, Walk, own_subjects
from support.walk_state import differences, modelled, recorded
from support.who_is_who import Place


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
    seen, expected_now = await recorded(walk), modelled(walk)
    assert seen == expected_now, differences(seen, expected_now)
    for place in model.places.values():
        if place.required is not None:
            assert list(model.ways_in(place, own_subjects)), f"no owner of {place.slug} has a way in"


async def _check_open(walk: Walk, person: Person) -> None:
    place = walk.model.places[walk.random.choice(list(walk.model.places))]
    answer = await person.browser.get(f"/open/{place.slug}")
    opened = answer.headers["Location"] == HOME
    assert opened == walk.model.opens(person.session, place), (person.name, place.slug, opened)


async def owners_get_in(walk: Walk) -> None:
    """See each owner who has a way in go it, from a browser that holds nothing."""
    for place in walk.model.places.values():
        await walk.turn(minutes=16)
        for owner, way in list(walk.model.ways_in(place, own_subjects)):
            await walk.turn(seconds=1)
            name = mail.reader_of(owner.address)
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
        await mail.ask_for_link(walk, person, address)
        await mail.use_link(walk, person, walk.letters[-1])
    elif way == "recovery":
        owner = place.addressed(address)
        assert owner is not None
        await desk.recover(walk, person, place, address, owner.codes[0])
    else:
        await sso.sign_in(walk, person, place)
        letter = walk.letters[-1]
        if letter.kind == "link" and not letter.used and not walk.model.opens(person.session, place):
            await mail.confirm(walk, person, letter)
            await walk.turn(seconds=1)
            await sso.sign_in(walk, person, place)
