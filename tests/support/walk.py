"""A random walk of support, members and attackers; after every step the service has to agree with the small model."""

from support import walk_connection as connection
from support import walk_mail as mail
from support import walk_sso as sso
from support.walk_attacks import ATTACKS
from support.walk_cast import OWNERS, PEOPLE, PROVIDERS, Walk
from support.walk_check import check, owners_get_in
from support.walk_desk_steps import DESK_STEPS
from support.walk_members import invite_as
from support.walk_moves import some_moves
from support.walk_race import race
from support.walk_steps import STEPS
from support.walk_wish import carry_out

ALL = {**STEPS, **DESK_STEPS, **ATTACKS}


async def set_up(walk: Walk) -> None:
    """Register both workspaces, with an owner who has signed in by SSO."""
    for slug in OWNERS:
        await walk.api.register(slug)
    # One company's two workspaces may have the same provider.
    together = walk.random.random() < 0.4
    for slug, owner in OWNERS.items():
        place, person = walk.model.places[slug], walk.named(owner)
        assert await carry_out(walk, connection.allow(place, PEOPLE[owner].partition("@")[2]))
        assert await carry_out(
            walk, connection.credentials(walk, place, "CredentialsSet", PROVIDERS[slug][-1 if together else 0])
        )
        assert await carry_out(walk, connection.enable_sso(walk, place))
        assert await carry_out(walk, invite_as(walk, place, PEOPLE[owner], "owner"))
        while not any(one.accounts for one in place.members):
            await walk.turn(seconds=1)
            await mail.accept(walk, person, place, place.invitations[PEOPLE[owner]])
        await check(walk)
    for slug, domain in (("acme", "shared.example"), ("globex", "shared.example"), ("globex", "acme.example")):
        assert await carry_out(walk, connection.allow(walk.model.places[slug], domain))
    acme, grace = walk.model.places["acme"], walk.named("grace")
    assert await carry_out(walk, invite_as(walk, acme, PEOPLE["grace"], "admin"))
    await mail.accept(walk, grace, acme, acme.invitations[PEOPLE["grace"]])
    if walk.random.random() < 0.6:
        globex = walk.model.places["globex"]
        assert await carry_out(walk, invite_as(walk, globex, PEOPLE["grace"], "editor"))
        await mail.accept(walk, grace, globex, globex.invitations[PEOPLE["grace"]])
    if walk.random.random() < 0.7:
        await carry_out(walk, connection.require_sso(walk, acme))
    await sso.sign_in(walk, walk.named("mary"), walk.model.places["globex"])
    await check(walk)


async def take_steps(walk: Walk, steps: int) -> None:
    """Walk."""
    for _ in range(steps):
        await walk.turn(seconds=1)
        await walk.random.choices(list(ALL), list(ALL.values()))[0](walk)
        await check(walk)
    await owners_get_in(walk)


async def take_races(walk: Walk, races: int) -> None:
    """Walk, and every few steps have two or three things happen at the same time."""
    for _ in range(races):
        for _ in range(walk.random.choice([0, 1, 3])):
            await walk.turn(seconds=1)
            await walk.random.choices(list(ALL), list(ALL.values()))[0](walk)
            await check(walk)
        await walk.turn(seconds=1)
        await race(walk, await some_moves(walk))
        await check(walk)
    await owners_get_in(walk)
