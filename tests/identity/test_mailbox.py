"""Magic links: what a proven mailbox opens, and what it does not while SSO is required."""

import asyncio
import re
from datetime import timedelta

import pytest
from support.identity_mail import KeptMails, deliver
from support.identity_values import Proven
from support.identity_world import World, live

from events.catalogue.access import BypassGranted, EnforcementEnabled
from events.catalogue.instants import write_instant
from service.identity.access import Access, NoAccess, open_workspace
from service.identity.magic_link import LIFETIME, MOST_AT_ONCE, read_magic_link, send_magic_link
from service.identity.mailbox import sign_in_by_magic_link
from service.identity.outcome import Outcome
from service.identity.resources import RequestMeta
from service.identity.session_values import LiveSession

ADA = "ada@acme.example"


async def link(world: World, email: str = ADA) -> str:
    """Ask for a link and return its token from the mail."""
    assert await send_magic_link(world.resources, email)
    mails = KeptMails()
    await deliver(world, mails)
    body = mails.kept[-1].get_body(("plain",))
    assert body is not None
    found = re.search(r"https://id\.example\.com/login/magic-link/(\S+)", body.get_content())
    assert found is not None
    return found[1]


async def use(
    world: World, token: str, session: LiveSession | None = None, *, confirmed: bool = False
) -> Outcome | None:
    meta = RequestMeta("r-3", session, switch_confirmed=confirmed)
    return await sign_in_by_magic_link(world.resources, token, meta)


async def signed_in(world: World, token: str) -> Outcome:
    outcome = await use(world, token)
    assert outcome is not None
    return outcome


async def test_a_member_signs_in_by_magic_link(world: World) -> None:
    await world.member(role="owner")
    outcome = await signed_in(world, await link(world))
    assert outcome.status == "signed_in"
    found = await open_workspace(world.pool, live(outcome.session), "acme", world.clock.now)
    assert isinstance(found, Access)
    assert (found.role, found.by.method) == ("owner", "magic_link")


async def test_a_link_works_once_even_at_once(world: World) -> None:
    await world.member()
    token = await link(world)
    outcomes = await asyncio.gather(*(use(world, token) for _ in range(4)))
    assert sorted(outcome is not None for outcome in outcomes) == [False, False, False, True]


async def test_looking_at_a_link_uses_nothing_up(world: World) -> None:
    await world.member()
    token = await link(world)
    before = await world.snapshot()
    for _ in range(3):
        found = read_magic_link(world.resources, token)
        assert found is not None
        assert found.address.key == ADA
    assert await world.snapshot() == before
    assert (await signed_in(world, token)).status == "signed_in"


async def test_a_link_ends_after_fifteen_minutes(world: World) -> None:
    await world.member()
    token = await link(world)
    world.clock.now += LIFETIME
    assert await use(world, token) is None


@pytest.mark.parametrize("token", ["", "x", "A" * 100, "A" * 20_000])
async def test_a_forged_link_opens_nothing(world: World, token: str) -> None:
    assert await use(world, token) is None


@pytest.mark.parametrize("email", ["nobody@acme.example", "", "a@b@c.example"])
async def test_an_unknown_address_gets_no_mail(world: World, email: str) -> None:
    await world.member()
    assert not await send_magic_link(world.resources, email)
    assert await world.rows("outbox") == []


async def test_a_mailbox_is_not_flooded(world: World) -> None:
    await world.member()
    sent = await asyncio.gather(*(send_magic_link(world.resources, ADA) for _ in range(MOST_AT_ONCE + 3)))
    assert sum(sent) == MOST_AT_ONCE


async def test_an_invitation_is_accepted_by_its_mailbox_with_its_role(world: World) -> None:
    """Also an owner's: the mailbox answered."""
    await world.invitation(role="owner")
    outcome = await signed_in(world, await link(world))
    (member,), (user,) = await world.rows("members"), await world.rows("users")
    assert (outcome.member_id, member["role"], user["email"]) == (member["member_id"], "owner", ADA)
    assert [row["status"] for row in await world.rows("invitations")] == ["accepted"]
    assert (await world.event_types())[-1] == "MemberJoined"


async def test_while_sso_is_required_a_link_sent_before_opens_nothing(world: World) -> None:
    """Decided when it is used, before there is a session."""
    await world.member()
    token = await link(world)
    await world.append("acme", [EnforcementEnabled()])
    outcome = await signed_in(world, token)
    assert (outcome.status, outcome.reason, outcome.session) == ("refused", "method_not_allowed", None)
    assert await world.rows("sessions") == []
    assert [(row["workspace"], row["reason"]) for row in await world.rows("sign_ins")] == [
        ("acme", "method_not_allowed")
    ]


async def test_while_sso_is_required_an_invitation_is_not_accepted_by_magic_link(world: World) -> None:
    await world.invitation()
    await world.append("acme", [EnforcementEnabled()])
    assert (await signed_in(world, await link(world))).status == "refused"
    assert await world.rows("members") == []


async def test_one_workspace_requiring_sso_does_not_close_the_others(world: World) -> None:
    await world.register("globex")
    await world.member(proven=True)
    await world.invitation(slug="globex")
    await world.append("acme", [EnforcementEnabled()])
    outcome = await signed_in(world, await link(world))
    session = live(outcome.session)
    assert await open_workspace(world.pool, session, "acme", world.clock.now) == NoAccess(
        "method_not_allowed", enforced=True
    )
    assert isinstance(await open_workspace(world.pool, session, "globex", world.clock.now), Access)


async def test_a_bypass_lets_its_member_in_until_it_ends(world: World) -> None:
    member_id = await world.member()
    ends = world.clock.now + timedelta(hours=1)
    granted = BypassGranted(member_id=str(member_id), expires_at=write_instant(ends), reason="phone lost")
    await world.append("acme", [EnforcementEnabled(), granted])
    outcome = await signed_in(world, await link(world))
    assert isinstance(await open_workspace(world.pool, live(outcome.session), "acme", world.clock.now), Access)
    world.clock.now = ends
    assert isinstance(await open_workspace(world.pool, live(outcome.session), "acme", world.clock.now), NoAccess)


async def test_a_session_does_not_come_back_with_a_later_bypass(world: World) -> None:
    """Sessions end with their bypass; under the next one the person signs in anew."""
    member_id = await world.member()

    async def grant(hours: int) -> None:
        ends = write_instant(world.clock.now + timedelta(hours=hours))
        await world.append("acme", [BypassGranted(member_id=str(member_id), expires_at=ends, reason="phone lost")])

    await world.append("acme", [EnforcementEnabled()])
    await grant(1)
    session = live((await signed_in(world, await link(world))).session)
    world.clock.turn(hours=1)
    await grant(2)
    assert isinstance(await open_workspace(world.pool, session, "acme", world.clock.now), NoAccess)
    again = live((await signed_in(world, await link(world))).session)
    assert isinstance(await open_workspace(world.pool, again, "acme", world.clock.now), Access)


async def test_a_deactivated_member_gets_no_link_and_no_session(world: World) -> None:
    await world.member()
    token = await link(world)
    await world.pool.execute("update identity.members set status = 'deactivated'")
    assert (await signed_in(world, token)).reason == "member_deactivated"
    assert not await send_magic_link(world.resources, ADA)


async def test_signing_in_as_another_person_asks_first_and_leaves_the_link_good(world: World) -> None:
    grace = await world.sign_in(Proven(subject="00u-grace", email="grace@acme.example"))
    await world.member()
    token = await link(world)
    asked = await use(world, token, live(grace.session))
    assert asked is not None
    assert (asked.status, asked.session) == ("confirm_switch", None)
    done = await use(world, token, live(grace.session), confirmed=True)
    assert done is not None
    assert done.status == "signed_in"
    assert len(await world.rows("sessions")) == 1
