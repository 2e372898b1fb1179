"""Sign-ins that race the end of the session that they replace: nothing that was ended comes back in the new one."""

import asyncio
from typing import Any

import orjson
import pytest
from support.identity_mail import mailed_link
from support.identity_values import Proven
from support.identity_world import World, live
from support.waiting import until_somebody_waits

from service.db import transaction
from service.identity import admission
from service.identity.authentication import Authentication
from service.identity.known import lock_workspace, read_situation
from service.identity.mailbox import sign_in_by_magic_link
from service.identity.outcome import Outcome
from service.identity.resources import RequestMeta
from service.identity.session_ends import end_sessions_of
from service.identity.session_values import LiveSession, open_session
from service.identity.session_writes import write_session


async def earlier_session(world: World) -> LiveSession:
    """Return a session of Ada's by a magic link, which she then adds a sign-in by SSO to."""
    outcome = await world.sign_in()
    session = live(outcome.session)
    magic = {"method": "magic_link", "at": world.clock.now.isoformat()}
    await world.pool.execute(
        "update identity.sessions set data = jsonb_set(data, '{authentications}', $1) where session_hash = $2",
        orjson.dumps([magic]).decode(),
        session.session_hash,
    )
    (row,) = await world.rows("sessions")
    kept = tuple(Authentication.from_data(one) for one in orjson.loads(row["data"])["authentications"])
    return LiveSession(session.session_hash, session.user_id, kept)


async def methods(world: World) -> list[list[str]]:
    rows = await world.rows("sessions")
    return [[one["method"] for one in orjson.loads(row["data"])["authentications"]] for row in rows]


async def test_an_added_authentication_keeps_the_others_of_the_same_person(world: World) -> None:
    session = await earlier_session(world)
    await world.sign_in(session=session)
    assert await methods(world) == [["magic_link", "sso"]]


@pytest.mark.parametrize("known", [True, False], ids=["known member", "changed member"])
async def test_a_sign_in_that_signing_out_everywhere_overtakes_opens_what_it_has_proven_itself(
    world: World, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """The callback read the session before it was ended: what that session held does not come along."""
    session = await earlier_session(world)
    pending = [session.user_id]

    async def reading(*arguments: Any) -> Any:
        found = await read_situation(*arguments)
        if pending:
            await end_sessions_of(world.pool, pending.pop())
        return found

    monkeypatch.setattr(admission, "read_situation", reading)
    outcome = await world.sign_in(Proven() if known else Proven(email="ada.king@acme.example"), session=session)
    assert outcome.status == "signed_in"
    assert await methods(world) == [["sso"]]


async def test_an_authentication_that_was_ended_meanwhile_is_not_carried_over(world: World) -> None:
    """Only a part of the replaced session was ended: the rest of it comes along."""
    first = live((await world.sign_in()).session)
    (row,) = await world.rows("sessions")
    (sso,) = orjson.loads(row["data"])["authentications"]
    magic = {**sso, "method": "magic_link", "workspace": None}
    google = {**magic, "method": "google"}
    held = [Authentication.from_data(one) for one in (magic, google)]
    await world.pool.execute(
        "update identity.sessions set data = jsonb_set(data, '{authentications}', $1)", orjson.dumps([magic]).decode()
    )
    await world.sign_in(session=LiveSession(first.session_hash, first.user_id, tuple(held)))
    assert await methods(world) == [["magic_link", "sso"]]


async def test_signing_out_everywhere_ends_the_session_of_a_sign_in_that_is_being_written(world: World) -> None:
    """It waits for the sign-in that replaces one of the sessions, and then ends the new one as well."""
    session = await earlier_session(world)
    authentication = session.authentications[0]
    new = open_session(session, session.user_id, authentication, world.clock.now, world.resources.limits)
    async with transaction(world.pool) as connection:
        await write_session(connection, new)
        signing_out = asyncio.create_task(end_sessions_of(world.pool, session.user_id))
        await until_somebody_waits(world.pool)
    assert await signing_out == 1
    assert await methods(world) == []


async def test_a_mailed_link_that_a_deactivation_overtakes_begins_no_session(world: World) -> None:
    """The link was judged before, its session would have been written after: all that the member had open has ended."""
    member_id = await world.member("ada@acme.example", proven=True)
    token = await mailed_link(world, "ada@acme.example")
    assert token is not None
    async with transaction(world.pool) as connection:
        await lock_workspace(connection, "acme")
        using = asyncio.create_task(sign_in_by_magic_link(world.resources, token, RequestMeta("r-1")))
        await until_somebody_waits(world.pool)
        await connection.execute("update identity.members set status = 'deactivated' where member_id = $1", member_id)
    outcome = await using
    assert isinstance(outcome, Outcome)
    assert (outcome.status, outcome.reason) == ("refused", "member_deactivated")
    assert await world.rows("sessions") == []
