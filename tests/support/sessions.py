"""Sessions that another method than SSO has opened, for a browser to come with."""

from typing import Any
from uuid import UUID

from support.identity_world import World

from service.db import transaction
from service.identity.authentication import Authentication
from service.identity.people import Method
from service.identity.session_values import LiveSession, NewSession, open_session
from service.identity.session_writes import write_session


async def open_by(
    world: World, user_id: UUID, method: Method = "magic_link", held: LiveSession | None = None, **values: Any
) -> NewSession:
    """Open a session of the user by this method, beside what ``held`` holds already."""
    authentication = Authentication(method, world.clock.now.isoformat(), **values)
    session = open_session(held, user_id, authentication, world.clock.now, world.resources.limits)
    async with transaction(world.pool) as connection:
        await write_session(connection, session)
    return session


async def user_of(world: World, member_id: UUID) -> UUID:
    """Return the user whom a membership belongs to."""
    user_id: UUID = await world.pool.fetchval("select user_id from identity.members where member_id = $1", member_id)
    return user_id


async def member_too(world: World, user_id: UUID, slug: str, email: str = "ada@acme.example") -> UUID:
    """Make the user a member of another workspace as well. Returns the member's id."""
    member_id = await world.member(email, slug=slug)
    await world.pool.execute("update identity.members set user_id = $2 where member_id = $1", member_id, user_id)
    return member_id
