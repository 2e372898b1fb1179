"""What a session opens, read from the database at each request: committed state and nothing older."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from support.database import Pool
from support.identity_values import Proven
from support.identity_world import World, credentials_data, live
from support.sessions import open_by
from support.waiting import until_somebody_waits

from events.catalogue.access import BypassGranted, BypassRevoked, EnforcementEnabled, SsoDisabled
from events.catalogue.configuration import DomainAdded, DomainRemoved
from events.catalogue.credentials import CredentialsRemoved, CredentialsSet
from events.catalogue.instants import write_instant
from service.db import transaction
from service.identity.access import Access, NoAccess, open_workspace, opened_workspaces, session_person
from service.identity.authentication import Authentication
from service.identity.session_ends import (
    end_member_sessions,
    end_sessions_of,
    end_sso_sessions,
    sign_out_everywhere,
)
from service.identity.session_values import LiveSession, open_session
from service.identity.session_writes import write_session


async def opens(world: World, session: LiveSession, slug: str = "acme") -> str | None:
    """Return why the session does not open the workspace, ``None`` when it does."""
    found = await open_workspace(world.pool, session, slug, world.clock.now)
    return found.reason if isinstance(found, NoAccess) else None


async def signed_in(world: World) -> LiveSession:
    return live((await world.sign_in()).session)


def by_magic_link(world: World, session: LiveSession, **bypasses: str) -> LiveSession:
    authentication = Authentication("magic_link", world.clock.now.isoformat(), bypasses=bypasses)
    return LiveSession(session.session_hash, session.user_id, (authentication,))


async def test_a_session_opens_the_workspace_whose_connection_made_it(world: World) -> None:
    session = await signed_in(world)
    found = await open_workspace(world.pool, session, "acme", world.clock.now)
    assert isinstance(found, Access)
    assert (found.role, found.websites, found.email, found.by.method) == ("editor", "all", "ada@acme.example", "sso")


async def test_s11_a_session_of_one_workspace_opens_no_other(world: World) -> None:
    """Whatever address it carries: not where the user is no member, and not where they are one."""
    await world.register("globex", domain="acme.example")
    session = await signed_in(world)
    assert await opens(world, session, "globex") == "not_a_member"
    await world.pool.execute(
        "insert into identity.members (member_id, workspace, user_id, email, email_key, role, joined_at, joined_how)"
        " values ($1, 'globex', $2, 'ada@acme.example', 'ada@acme.example', 'owner', $3, 'invitation')",
        uuid4(),
        session.user_id,
        world.clock.now,
    )
    assert await opens(world, session, "globex") == "method_not_allowed"
    opened = await opened_workspaces(world.pool, session, world.clock.now)
    assert [one.workspace for one in opened] == ["acme"]


@pytest.mark.parametrize(
    "change",
    [
        SsoDisabled(),
        DomainRemoved(domain="acme.example"),
        CredentialsRemoved(credentials_id="c-1"),
        credentials_data(CredentialsSet, credentials_id="c-2", issuer="https://login.acme.example"),
    ],
    ids=["sso off", "domain removed", "credentials removed", "new issuer"],
)
async def test_a_change_voids_the_session_at_the_next_request(world: World, change: Any) -> None:
    session = await signed_in(world)
    assert await opens(world, session) is None
    await world.append("acme", [change])
    assert await opens(world, session) is not None


async def test_a_new_secret_of_the_same_issuer_voids_nothing(world: World) -> None:
    session = await signed_in(world)
    await world.append("acme", [credentials_data(CredentialsSet, credentials_id="c-2")])
    assert await opens(world, session) is None


async def test_deactivation_voids_the_session(world: World) -> None:
    session = await signed_in(world)
    await world.pool.execute("update identity.members set status = 'deactivated'")
    assert await opens(world, session) == "member_deactivated"


async def test_enforcement_closes_sessions_that_sso_did_not_make(world: World) -> None:
    """A magic-link session open already is re-challenged; SSO sessions stay."""
    session = await signed_in(world)
    magic = by_magic_link(world, session)
    assert await opens(world, magic) is None
    await world.append("acme", [EnforcementEnabled()])
    found = await open_workspace(world.pool, magic, "acme", world.clock.now)
    assert found == NoAccess("method_not_allowed", enforced=True)
    assert await opens(world, session) is None


async def test_a_bypass_opens_until_it_ends(world: World) -> None:
    outcome = await world.sign_in()
    ends = write_instant(world.clock.now + timedelta(hours=1))
    magic = by_magic_link(world, live(outcome.session), acme=ends)
    granted = BypassGranted(member_id=str(outcome.member_id), expires_at=ends, reason="phone lost")
    await world.append("acme", [EnforcementEnabled(), granted])
    assert await opens(world, magic) is None
    world.clock.turn(minutes=60)
    assert await opens(world, magic) == "method_not_allowed"


async def test_a_revoked_bypass_closes_at_the_next_request(world: World) -> None:
    outcome = await world.sign_in()
    ends = write_instant(world.clock.now + timedelta(hours=1))
    magic = by_magic_link(world, live(outcome.session), acme=ends)
    granted = BypassGranted(member_id=str(outcome.member_id), expires_at=ends, reason="phone lost")
    await world.append("acme", [EnforcementEnabled(), granted])
    await world.append("acme", [BypassRevoked(member_id=str(outcome.member_id))])
    assert await opens(world, magic) == "method_not_allowed"


async def test_a_read_model_that_is_behind_opens_nothing(world: World, owner_pool: Pool) -> None:
    session = await signed_in(world)
    await owner_pool.execute("update projection.connections set version = version - 1")
    assert await opens(world, session) == "workspace_unavailable"


async def test_who_a_session_belongs_to_is_told_by_what_it_opens(world: World) -> None:
    session = await signed_in(world)
    opened = await opened_workspaces(world.pool, session, world.clock.now)
    person = await session_person(world.pool, session, opened)
    assert (person.user_id, person.email, person.name) == (session.user_id, "ada@acme.example", "Ada")
    await world.append("acme", [SsoDisabled()])
    nothing = await opened_workspaces(world.pool, session, world.clock.now)
    assert (await session_person(world.pool, session, nothing)).email is None


async def test_signing_out_everywhere_ends_every_session_of_the_user(world: World) -> None:
    session = await signed_in(world)
    await world.sign_in()
    await world.sign_in(Proven(subject="00u-grace", email="grace@acme.example"))
    assert await end_sessions_of(world.pool, session.user_id) == 2
    assert len(await world.rows("sessions")) == 1


async def test_removing_a_domain_ends_the_sessions_of_its_people_alone(world: World) -> None:
    await world.append("acme", [DomainAdded(domain="globex.example")])
    await world.sign_in()
    grace = live((await world.sign_in(Proven(subject="00u-grace", email="Grace@globex.example"))).session)
    async with transaction(world.pool) as connection:
        assert await end_sso_sessions(connection, "acme", domain="acme.example") == 1
    assert [row["user_id"] for row in await world.rows("sessions")] == [grace.user_id]


async def test_ending_what_sso_opened_leaves_the_rest_of_a_session(world: World) -> None:
    """A session that also holds a magic link goes on with that."""
    session = await signed_in(world)
    magic = Authentication("magic_link", world.clock.now.isoformat()).to_data()
    await world.pool.execute(
        "update identity.sessions set data = jsonb_set(data, '{authentications,1}', $1, true)",
        orjson.dumps(magic).decode(),
    )
    async with transaction(world.pool) as connection:
        assert await end_member_sessions(connection, "acme", session.user_id) == 1
        assert await end_member_sessions(connection, "acme", session.user_id) == 0
    (row,) = await world.rows("sessions")
    assert [one["method"] for one in orjson.loads(row["data"])["authentications"]] == ["magic_link"]


async def test_removing_a_domain_ends_the_sessions_of_addresses_that_are_written_in_its_own_script(
    world: World,
) -> None:
    """An address is kept as it was asserted; the domain is known by its A-label."""
    await world.append("acme", [DomainAdded(domain="xn--bcher-kva.example")])
    for number, email in enumerate(["ada@bücher.example", "grace@XN--BCHER-KVA.example", "eve@acme.example"]):
        assert (await world.sign_in(Proven(subject=f"00u-{number}", email=email))).status == "signed_in"
    async with transaction(world.pool) as connection:
        assert await end_sso_sessions(connection, "acme", domain="xn--bcher-kva.example") == 2
    (row,) = await world.rows("sessions")
    assert [one["email"] for one in orjson.loads(row["data"])["authentications"]] == ["eve@acme.example"]


async def test_a_session_by_sso_alone_signs_out_of_what_its_connections_opened(world: World) -> None:
    """On every device, and with nothing else that the same user has open; any other session ends all of them."""
    session = await signed_in(world)
    await world.sign_in()
    await open_by(world, session.user_id)
    assert await sign_out_everywhere(world.pool, session) == 2
    (row,) = await world.rows("sessions")
    assert [one["method"] for one in orjson.loads(row["data"])["authentications"]] == ["magic_link"]
    await world.sign_in()
    assert await sign_out_everywhere(world.pool, by_magic_link(world, session)) == 2
    assert await world.rows("sessions") == []


async def test_what_a_change_ends_is_ended_in_a_session_that_is_being_written_too(world: World) -> None:
    """A sign-in takes the rest of its session over just then: it does not carry the ended part past the change."""
    session = await signed_in(world)
    magic = Authentication("magic_link", world.clock.now.isoformat())
    new = open_session(session, session.user_id, magic, world.clock.now, world.resources.limits)
    async with transaction(world.pool) as connection:
        await write_session(connection, new)
        ending = asyncio.create_task(end_member_sessions(world.pool, "acme", session.user_id))
        await until_somebody_waits(world.pool)
    assert await ending == 1
    (row,) = await world.rows("sessions")
    assert [one["method"] for one in orjson.loads(row["data"])["authentications"]] == ["magic_link"]
