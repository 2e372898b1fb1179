"""Chance in a walk: who, where, and what support is to change."""

from collections.abc import Mapping

from support import walk_connection as connection
from support import walk_members as members
from support.walk_cast import OWNERS, PEOPLE, Person, Walk
from support.walk_wish import Choose, Wish
from support.who_is_who import Place

CHANGES: Mapping[Choose, int] = {**connection.CHANGES, **members.CHANGES}


def some_place(walk: Walk) -> Place:
    """Choose a workspace."""
    return walk.model.places[walk.random.choice(list(OWNERS))]


def some_person(walk: Walk) -> Person:
    """Choose somebody with a mailbox, in one of their browsers."""
    return walk.random.choice([one for one in walk.people if one.name in PEOPLE])


def reader(walk: Walk, address: str) -> Person:
    """Choose a browser of whoever reads this mailbox."""
    return walk.random.choice([one for one in walk.people if PEOPLE.get(one.name) == address])


def some_wish(walk: Walk) -> Wish | None:
    """Choose a change that support is to make."""
    choose = walk.random.choices(list(CHANGES), list(CHANGES.values()))[0]
    return choose(walk, some_place(walk))


def likely(walk: Walk) -> tuple[Person, Place]:
    """Choose somebody, and a workspace: mostly one whose provider they may come by."""
    person, places = some_person(walk), list(walk.model.places.values())
    near = [one for one in places if one.allows(PEOPLE[person.name])] or places
    return person, walk.random.choice(near if walk.random.random() < 0.9 else places)


def owner_of(walk: Walk, place: Place) -> Person:
    """Choose one of the workspace's owners, or somebody who says to be one."""
    owners = [one.address for one in place.members if one.role == "owner" and one.active]
    if owners and walk.random.random() < 0.8:
        return reader(walk, walk.random.choice(owners))
    return some_person(walk)
