"""Somebody is erased in the very moment in which they come in: nothing of them is left, and nobody meets a fault."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import pytest
from support.identity_mail import mailed_link
from support.identity_world import STAFF, World
from support.waiting import until_somebody_waits

from events.catalogue.access import SsoDisabled
from events.domains import parse_address
from service.db import transaction
from service.identity.acceptance import Acceptance, accept_invitation
from service.identity.change import change_workspace
from service.identity.claiming import claim_memberships
from service.identity.erasure import forget
from service.identity.google import KeptGooglePerson, sign_in_by_google
from service.identity.invitation_mail import invitation_link_hash
from service.identity.mailbox import sign_in_by_magic_link
from service.identity.members import erase_member
from service.identity.outcome import Outcome
from service.identity.resources import RequestMeta

ADA = "ada@acme.example"
T = TypeVar("T")
ACME = "select 1 from identity.workspaces where slug = 'acme' for update"
MAILBOX = f"select pg_advisory_xact_lock(hashtextextended('mailbox {ADA}', 0))"
META = RequestMeta("r-3")
AT_GOOGLE = KeptGooglePerson("https://accounts.google.com", "g-ada", ADA, True, "acme.example")


async def while_erased(
    world: World, member_id: UUID, slug: str, work: Callable[[], Awaitable[T]], held: str | None = None
) -> T:
    """Begin the work while the member is being erased, or while ``held`` is, and erase them before it goes on."""
    async with transaction(world.pool) as connection:
        await connection.execute("select 1 from identity.workspaces where slug = $1 for update", slug)
        if held is None:
            await forget(connection, world.resources.tombstones, slug, member_id, world.clock.now)
        else:
            await connection.execute(held)
        running = asyncio.ensure_future(work())
        await until_somebody_waits(world.pool)
        if held is not None:
            await forget(connection, world.resources.tombstones, slug, member_id, world.clock.now)
    return await running


async def by_link(world: World, token: str) -> Any:
    return await sign_in_by_magic_link(world.resources, token, META)


@pytest.mark.parametrize("held", [None, MAILBOX])
async def test_a_link_of_somebody_who_is_being_erased_brings_nothing_of_them_back(
    world: World, held: str | None
) -> None:
    member_id = await world.member(proven=True)
    token = await mailed_link(world, ADA)
    assert token is not None
    assert await while_erased(world, member_id, "acme", lambda: by_link(world, token), held) == "used"
    assert await world.rows("users") == []


@pytest.mark.parametrize("held", [None, MAILBOX])
async def test_an_account_at_google_of_somebody_who_is_being_erased_is_linked_to_nobody(
    world: World, held: str | None
) -> None:
    member_id = await world.member(proven=True)

    def by_google() -> Awaitable[Outcome]:
        return sign_in_by_google(world.resources, AT_GOOGLE, META)

    outcome = await while_erased(world, member_id, "acme", by_google, held)
    assert (outcome.status, outcome.reason, outcome.detail) == ("refused", "invitation_required", "no_membership")
    assert (await world.rows("users"), await world.rows("user_identities")) == ([], [])


async def test_an_invitation_stays_open_when_its_invitee_is_erased_elsewhere_as_they_use_a_link(world: World) -> None:
    """The link is spent. The invitation is of another workspace than the one that erases them, and is still theirs."""
    await world.register("globex")
    member_id = await world.member(proven=True, slug="globex")
    await world.invitation()
    token = await mailed_link(world, ADA)
    assert token is not None
    outcome = await while_erased(world, member_id, "globex", lambda: by_link(world, token), ACME)
    assert isinstance(outcome, Outcome)
    assert (outcome.status, outcome.session) == ("refused", None)
    assert [row["status"] for row in await world.rows("invitations")] == ["open"]
    assert (await world.rows("users"), await world.rows("sessions")) == ([], [])
    again = await mailed_link(world, ADA)
    assert again is not None
    assert (await by_link(world, again)).status == "signed_in"


async def test_an_invitations_own_link_can_be_used_again_when_it_met_an_erasure_elsewhere(world: World) -> None:
    await world.register("globex")
    await world.append("acme", [SsoDisabled()])
    member_id = await world.member(proven=True, slug="globex")
    token = "t" * 43
    await world.invitation()
    await world.pool.execute("update identity.invitations set link_hash = $1", invitation_link_hash(token))

    def accepts() -> Awaitable[Acceptance]:
        return accept_invitation(world.resources, token, META)

    outcome = await while_erased(world, member_id, "globex", accepts, ACME)
    assert (outcome.status, outcome.detail) == ("refused", "invitation_overtaken")
    assert (await accepts()).status == "signed_in"


async def test_a_membership_that_is_being_given_to_a_mailboxs_user_keeps_them_when_their_last_other_one_is_erased(
    world: World,
) -> None:
    await world.register("globex")
    member_id = await world.member(proven=True)
    await world.member(slug="globex")

    async def erases() -> None:
        await change_workspace(world.resources, "acme", STAFF, lambda change: erase_member(change, member_id))

    async with transaction(world.pool) as connection:
        claim = await claim_memberships(connection, parse_address(ADA), world.clock.now)
        erasing = asyncio.create_task(erases())
        await until_somebody_waits(world.pool)
    await erasing
    assert [row["user_id"] for row in await world.rows("users")] == [claim.user_id]
    assert {row["workspace"]: row["user_id"] for row in await world.rows("members")} == {
        "acme": None,
        "globex": claim.user_id,
    }


async def test_an_address_that_was_merely_proven_is_erased_with_the_member_who_has_it(world: World) -> None:
    """Ada's account is by SSO, which the link that she answered did not show to be hers."""
    member_id = (await world.sign_in()).member_id
    token = await mailed_link(world, ADA)
    assert token is not None
    assert member_id is not None
    assert (await by_link(world, token)).detail == "made_by_sso"
    await change_workspace(world.resources, "acme", STAFF, lambda change: erase_member(change, member_id))
    assert await world.rows("users") == []
