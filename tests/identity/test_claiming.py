"""What a proven mailbox claims: never an account that a workspace's provider merely said to be of that address."""

import asyncio
from typing import Any
from uuid import UUID

from support.database import Pool
from support.identity_mail import mailed_link
from support.identity_values import Proven
from support.identity_world import World, live
from support.waiting import until_somebody_waits

from events.catalogue.access import SsoDisabled
from events.catalogue.configuration import DomainVerified
from events.domains import parse_address
from service.db import transaction
from service.identity.acceptance import accept_invitation
from service.identity.access import opened_workspaces, session_person
from service.identity.claiming import claim_memberships
from service.identity.invitation_mail import invitation_link_hash
from service.identity.mailbox import sign_in_by_magic_link
from service.identity.outcome import Outcome
from service.identity.resources import RequestMeta
from service.identity.session_values import LiveSession
from service.identity.users import create_user

ADA = "ada@acme.example"
VERIFIED = DomainVerified(domain="acme.example", method="support")


async def by_mail(world: World, session: LiveSession | None = None, **meta: Any) -> Outcome:
    """Answer a link that was mailed to Ada."""
    token = await mailed_link(world, ADA)
    assert token is not None
    outcome = await sign_in_by_magic_link(world.resources, token, RequestMeta("r-3", session, **meta))
    assert isinstance(outcome, Outcome)
    return outcome


async def users_of(pool: Pool) -> dict[str, UUID]:
    return {row["workspace"]: row["user_id"] for row in await pool.fetch("select * from identity.members")}


async def test_a_foreign_providers_account_is_not_joined_to_the_mailboxs_reader(world: World) -> None:
    """Globex's provider made an account for Ada's address; whoever holds it does not become Ada."""
    await world.register("globex", domain="acme.example")
    await world.member(proven=True)
    await world.sign_in(slug="globex")
    before = await users_of(world.pool)
    outcome = await by_mail(world)
    assert outcome.status == "signed_in"
    assert await users_of(world.pool) == before
    opened = await opened_workspaces(world.pool, live(outcome.session), world.clock.now)
    assert [one.workspace for one in opened] == ["acme"]
    assert len(await world.rows("sessions")) == 2


async def test_a_membership_without_an_account_is_its_mailboxs(world: World) -> None:
    await world.member()
    outcome = await by_mail(world)
    assert outcome.session is not None
    assert await users_of(world.pool) == {"acme": outcome.session.user_id}


async def test_where_the_workspace_owns_the_domain_its_accounts_are_their_mailboxes(world: World) -> None:
    """Members of two workspaces that have shown to own the domain become one user, whose mailbox it is."""
    await world.register("globex", domain="acme.example")
    first, second = await world.sign_in(), await world.sign_in(slug="globex")
    await world.append("acme", [VERIFIED])
    await world.append("globex", [VERIFIED])
    outcome = await by_mail(world)
    (user,) = await world.rows("users")
    assert (user["email"], user["name"]) == (ADA, "Ada")
    assert {row["member_id"] for row in await world.rows("members")} == {first.member_id, second.member_id}
    assert outcome.session is not None
    assert [row["user_id"] for row in await world.rows("sessions")] == [outcome.session.user_id]
    assert (await world.sign_in()).member_id == first.member_id


async def test_another_domains_proof_shows_nothing(world: World) -> None:
    await world.sign_in()
    await world.append("acme", [DomainVerified(domain="globex.example", method="support")])
    before = await users_of(world.pool)
    refused = await by_mail(world)
    assert (refused.reason, refused.detail, refused.workspace) == ("identity_conflict", "made_by_sso", "acme")
    assert await users_of(world.pool) == before


async def test_the_members_own_session_shows_whose_the_account_is(world: World) -> None:
    """Who is signed in by SSO and answers a mail to that very address is one person, without being asked to switch."""
    own = live((await world.sign_in()).session)
    outcome = await by_mail(world, own)
    assert outcome.status == "signed_in"
    assert outcome.session is not None
    assert [one.method for one in outcome.session.authentications] == ["sso", "magic_link"]
    (user,) = await world.rows("users")
    assert (user["user_id"], user["email"], user["name"]) == (outcome.session.user_id, ADA, "Ada")
    (row,) = await world.rows("sessions")
    assert row["user_id"] == user["user_id"]


async def test_two_clicks_at_once_are_not_asked_whether_they_are_somebody_else(world: World) -> None:
    """The second came with the session as it was before the first gave it to the mailbox's user."""
    session = live((await world.sign_in()).session)
    async with transaction(world.pool) as connection:
        await claim_memberships(connection, parse_address(ADA), world.clock.now, session)
    assert (await by_mail(world, session)).status == "signed_in"


async def test_a_sign_in_by_sso_is_not_asked_either_when_a_click_has_just_given_its_session_to_the_mailbox(
    world: World,
) -> None:
    """It came with the session as it was before."""
    session = live((await world.sign_in()).session)
    async with transaction(world.pool) as connection:
        claim = await claim_memberships(connection, parse_address(ADA), world.clock.now, session)
    outcome = await world.sign_in(session=session)
    assert (outcome.status, live(outcome.session).user_id) == ("signed_in", claim.user_id)
    assert len(await world.rows("sessions")) == 1


async def test_a_session_that_has_ended_since_it_was_read_asks_nobody_whether_they_are_somebody_else(
    world: World,
) -> None:
    session = live((await world.sign_in(Proven(subject="00u-grace", email="grace@acme.example"))).session)
    assert (await world.sign_in(session=session)).status == "confirm_switch"
    await world.pool.execute("delete from identity.sessions")
    assert (await world.sign_in(session=session)).status == "signed_in"


async def test_nor_is_who_accepts_an_invitation_at_that_moment(world: World) -> None:
    await world.register("globex")
    await world.append("globex", [SsoDisabled()])
    session = live((await world.sign_in()).session)
    await world.invitation(slug="globex")
    await world.pool.execute("update identity.invitations set link_hash = $1", invitation_link_hash("t" * 43))
    async with transaction(world.pool) as connection:
        await claim_memberships(connection, parse_address(ADA), world.clock.now, session)
    accepted = await accept_invitation(world.resources, "t" * 43, RequestMeta("r-4", session))
    assert accepted.status == "signed_in"


async def test_the_session_of_another_member_shows_nothing_about_this_one(world: World) -> None:
    await world.sign_in()
    grace = live((await world.sign_in(Proven(subject="00u-grace", email="grace@acme.example"))).session)
    before = await users_of(world.pool)
    asked = await by_mail(world, grace)
    assert asked.status == "confirm_switch"
    assert await users_of(world.pool) == before


async def test_a_session_that_opens_the_workspace_no_longer_shows_nothing(world: World) -> None:
    own = live((await world.sign_in()).session)
    await world.append("acme", [SsoDisabled()])
    before = await users_of(world.pool)
    assert (await by_mail(world, own)).status == "confirm_switch"
    assert await users_of(world.pool) == before


async def test_a_session_that_was_ended_meanwhile_shows_nothing(world: World) -> None:
    own = live((await world.sign_in()).session)
    await world.pool.execute("delete from identity.sessions")
    before = await users_of(world.pool)
    assert (await by_mail(world, own)).status == "refused"
    assert await users_of(world.pool) == before


async def test_nobody_becomes_two_members_of_one_workspace(world: World) -> None:
    """The mailbox's user is a member there already, under another address: the other membership stays as it is."""
    await world.append("acme", [VERIFIED])
    await world.member("ada.king@acme.example")
    await world.pool.execute("update identity.users set email = $1, email_key = $1", ADA)
    first = live((await world.sign_in()).session)
    outcome = await by_mail(world)
    assert outcome.session is not None
    assert outcome.session.user_id != first.user_id
    assert (await session_person(world.pool, first, [])).user_id == first.user_id
    assert len({row["user_id"] for row in await world.rows("members")}) == 2


async def test_a_mailbox_that_is_proven_in_two_ways_at_once_has_one_user(world: World) -> None:
    """By a magic link and by the mailed click of an invitation: the later one finds the user of the earlier."""
    address = parse_address(ADA)

    async def proven() -> UUID:
        async with transaction(world.pool) as connection:
            return await create_user(connection, None, world.clock.now, proven=address)

    async with transaction(world.pool) as connection:
        first = await create_user(connection, "Ada", world.clock.now, proven=address)
        second = asyncio.create_task(proven())
        await until_somebody_waits(world.pool)
    assert await second == first
    assert len(await world.rows("users")) == 1
