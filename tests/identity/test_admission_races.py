"""Sign-ins that happen at once, and changes that come between judging and writing."""

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from support.database import TestDatabase, on_both_servers
from support.identity_values import Proven
from support.identity_world import STAFF, Begun, World
from support.waiting import until_somebody_waits

from events.catalogue.access import SsoDisabled
from events.envelope import NewEvent
from service.db import StatelessConnection
from service.identity import admission, proof, session_writes
from service.identity.admission import admit
from service.identity.known import read_situation
from service.identity.resources import RequestMeta


@on_both_servers
@pytest.mark.parametrize("at_once", [2, 6])
async def test_first_sign_ins_of_one_person_at_once_make_one_member(world: World, at_once: int) -> None:
    """Two callbacks of the same new person give one user, one member, one identity and one event."""
    outcomes = await asyncio.gather(*(world.sign_in() for _ in range(at_once)))
    assert {outcome.status for outcome in outcomes} == {"signed_in"}
    assert len({outcome.member_id for outcome in outcomes}) == 1
    assert [len(await world.rows(table)) for table in ("users", "members", "identities")] == [1, 1, 1]
    assert (await world.event_types()).count("MemberJoined") == 1
    assert len(await world.rows("sign_ins")) == at_once


async def test_first_sign_ins_of_many_people_at_once_all_get_in(world: World) -> None:
    """Each append is at an exact version; a conflict starts the judgement again."""
    people = [Proven(subject=f"00u-{n}", email=f"p{n}@acme.example") for n in range(8)]
    outcomes = await asyncio.gather(*(world.sign_in(person) for person in people))
    assert [outcome.status for outcome in outcomes] == ["signed_in"] * 8
    assert (await world.event_types()).count("MemberJoined") == 8


async def test_two_subjects_with_one_address_at_once_give_one_member_and_one_conflict(world: World) -> None:
    people = [Proven(subject="00u-1"), Proven(subject="00u-2")]
    outcomes = await asyncio.gather(*(world.sign_in(person) for person in people))
    assert sorted(outcome.reason for outcome in outcomes) == ["identity_conflict", "ok"]


async def test_an_invitation_is_consumed_once(world: World) -> None:
    await world.invitation()
    people = [Proven(subject="00u-1"), Proven(subject="00u-2")]
    outcomes = await asyncio.gather(*(world.sign_in(person) for person in people))
    assert sorted(outcome.reason for outcome in outcomes) == ["identity_conflict", "ok"]
    assert [row["status"] for row in await world.rows("invitations")] == ["accepted"]


async def change_after_reading(world: World, monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Run ``change`` once, between the reading and the writing of the next sign-in."""
    pending = [change]

    async def reading(*args: Any) -> Any:
        found = await read_situation(*args)
        if pending:
            await pending.pop()()
        return found

    monkeypatch.setattr(admission, "read_situation", reading)


async def test_sso_switched_off_between_judging_and_writing_is_not_missed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is judged is looked at again under the workspace's lock: the known member is refused after all."""
    await world.sign_in()
    before = await world.snapshot()
    await change_after_reading(world, monkeypatch, lambda: world.append("acme", [SsoDisabled()]))
    outcome = await world.sign_in()
    assert (outcome.status, outcome.reason) == ("refused", "workspace_unavailable")
    assert await world.snapshot() == before


async def test_a_deactivation_between_judging_and_writing_is_not_missed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.sign_in()
    statement = "update identity.members set status = 'deactivated'"
    await change_after_reading(world, monkeypatch, lambda: world.pool.execute(statement))
    assert (await world.sign_in()).reason == "member_deactivated"


async def test_a_sign_in_waits_for_a_change_that_holds_the_workspace(world: World) -> None:
    """A change locks the workspace's row first; a sign-in that began before its commit is judged on what it made."""
    await world.sign_in()
    state = await world.workspace()
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("select 1 from identity.workspaces where slug = 'acme' for update")
        signing_in = asyncio.create_task(world.sign_in())
        await until_somebody_waits(world.pool)
        events = world.resources.store.prepare([NewEvent.of(SsoDisabled())], STAFF)
        document = state.after(events).to_document()
        await world.resources.store.append("acme", state.version, events, document, conn=connection)
    assert (await signing_in).reason == "workspace_unavailable"


async def test_a_failing_session_row_takes_the_whole_sign_in_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Member, identity, session, log and event are written together or not at all."""
    before = await world.snapshot()
    broken = session_writes._OPEN.replace("identity.sessions", "identity.no_such_table")
    monkeypatch.setattr(session_writes, "_OPEN", broken)
    with pytest.raises(asyncpg.UndefinedTableError):
        await world.sign_in()
    assert await world.snapshot() == before
    assert await world.rows("sign_ins") == []
    assert "MemberJoined" not in await world.event_types()


async def test_a_proof_that_cannot_be_recorded_does_not_fail_the_sign_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ConnectionProven comes after the sign-in has committed; its failure never fails it, the next one records it."""

    async def failing(*_: Any) -> None:
        raise asyncpg.PostgresError

    with monkeypatch.context() as broken:
        broken.setattr(proof, "change_workspace", failing)
        assert (await world.sign_in()).status == "signed_in"
    assert "ConnectionProven" not in await world.event_types()
    await world.sign_in()
    assert (await world.event_types()).count("ConnectionProven") == 1


async def test_a_known_member_costs_two_statements(world: World, database: TestDatabase) -> None:
    """The hot path: one statement reads what is judged, one writes; no transaction of several round trips."""
    await world.sign_in()
    sent: list[str] = []

    async def listen(connection: Any) -> None:
        connection.add_query_logger(lambda logged: sent.append(logged.query))

    async with asyncpg.create_pool(
        database.runtime_dsn, min_size=1, connection_class=StatelessConnection, init=listen
    ) as listened:
        resources = replace(world.resources, pool=listened)
        outcome = await admit(resources, "acme", Begun(), Proven(), RequestMeta("r-2"))
    assert outcome.status == "signed_in"
    assert len(sent) == 2
