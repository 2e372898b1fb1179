"""Magic links: what a proven mailbox opens, and what it does not while SSO is required."""

import asyncio
import hashlib
from datetime import timedelta

import pytest
from support.identity_mail import mailed_link
from support.identity_values import Proven
from support.identity_world import World, live

from events.catalogue.access import BypassGranted, EnforcementEnabled
from events.catalogue.instants import write_instant
from events.domains import parse_address
from service.identity.access import Access, NoAccess, open_workspace
from service.identity.magic_link import LIFETIME, MOST_AT_ONCE, find_magic_link, request_magic_link
from service.identity.mailbox import sign_in_by_magic_link
from service.identity.outcome import Outcome
from service.identity.resources import RequestMeta
from service.identity.session_values import LiveSession

ADA = "ada@acme.example"


async def link(world: World, email: str = ADA) -> str:
    """Ask for a link and return its token from the mail."""
    token = await mailed_link(world, email)
    assert token is not None
    return token


async def use(
    world: World, token: str, session: LiveSession | None = None, *, confirmed: bool = False
) -> Outcome | str:
    meta = RequestMeta("r-3", session, switch_confirmed=confirmed)
    return await sign_in_by_magic_link(world.resources, token, meta)


async def signed_in(world: World, token: str) -> Outcome:
    outcome = await use(world, token)
    assert isinstance(outcome, Outcome)
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
    assert sorted(isinstance(outcome, Outcome) for outcome in outcomes) == [False, False, False, True]
    assert await use(world, token) == "used"


async def test_looking_at_a_link_uses_nothing_up(world: World) -> None:
    await world.member()
    token = await link(world)
    before = await world.snapshot()
    for _ in range(3):
        found = await find_magic_link(world.resources, token)
        assert found is not None
        assert (found.address.key, found.state) == (ADA, "open")
    assert await world.snapshot() == before
    assert (await signed_in(world, token)).status == "signed_in"


async def test_a_link_ends_after_fifteen_minutes(world: World) -> None:
    await world.member()
    token = await link(world)
    world.clock.now += LIFETIME
    assert await use(world, token) == "ended"


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 100, "A" * 20_000])
async def test_a_forged_link_opens_nothing(world: World, token: str) -> None:
    assert await use(world, token) == "unknown"


async def test_an_unknown_address_gets_no_mail_and_none_is_kept_of_it(world: World) -> None:
    """It was asked for as for any other address; the worker finds out that it leads to nobody."""
    await world.member()
    assert await mailed_link(world, "nobody@acme.example") is None
    assert await world.rows("outbox") == []


async def test_what_is_kept_of_a_link_does_not_open_it(world: World) -> None:
    await world.member()
    token = await link(world)
    (kept,) = await world.rows("magic_links")
    assert kept["token_hash"] == hashlib.sha256(token.encode()).digest()
    assert token not in str(await world.snapshot()) + str(kept)


async def test_a_mailbox_is_not_flooded(world: World) -> None:
    """Known or not, an address gets a few links in a quarter of an hour, and then is told how long to wait."""
    await world.member()
    for email in (ADA, "nobody@acme.example"):
        address = parse_address(email)
        waits = await asyncio.gather(*(request_magic_link(world.resources, address) for _ in range(MOST_AT_ONCE + 3)))
        assert sorted(waits) == [0] * MOST_AT_ONCE + [15 * 60] * 3
    world.clock.now += LIFETIME
    assert await request_magic_link(world.resources, parse_address(ADA)) == 0


async def test_using_one_link_ends_the_others_to_the_same_address(world: World) -> None:
    await world.member()
    first, second = await link(world), await link(world)
    await signed_in(world, second)
    assert await use(world, first) == "used"


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


async def test_a_bypass_lets_in_who_has_only_ever_come_by_sso(world: World) -> None:
    """What a bypass is for: the provider is away, and the member's account was made by it."""
    joined = await world.sign_in()
    ends = world.clock.now + timedelta(hours=1)
    granted = BypassGranted(member_id=str(joined.member_id), expires_at=write_instant(ends), reason="Okta is down")
    await world.append("acme", [EnforcementEnabled(), granted])
    outcome = await signed_in(world, await link(world))
    assert (outcome.status, outcome.member_id) == ("signed_in", joined.member_id)


async def test_a_session_that_rests_on_a_bypass_alone_ends_with_it(world: World) -> None:
    await world.register("globex")
    member_id = await world.member(proven=True)
    ends = world.clock.now + timedelta(hours=1)
    granted = BypassGranted(member_id=str(member_id), expires_at=write_instant(ends), reason="phone lost")
    await world.append("acme", [EnforcementEnabled(), granted])
    outcome = await signed_in(world, await link(world))
    assert outcome.session is not None
    assert outcome.session.expires_at == ends
    await world.invitation(slug="globex")
    outcome = await signed_in(world, await link(world))
    assert outcome.session is not None
    assert outcome.session.expires_at > ends


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
    assert await mailed_link(world, ADA) is None


async def test_signing_in_as_another_person_asks_first_and_leaves_the_link_good(world: World) -> None:
    grace = await world.sign_in(Proven(subject="00u-grace", email="grace@acme.example"))
    await world.member()
    token = await link(world)
    asked = await use(world, token, live(grace.session))
    assert isinstance(asked, Outcome)
    assert (asked.status, asked.session) == ("confirm_switch", None)
    done = await use(world, token, live(grace.session), confirmed=True)
    assert isinstance(done, Outcome)
    assert done.status == "signed_in"
    assert len(await world.rows("sessions")) == 1
