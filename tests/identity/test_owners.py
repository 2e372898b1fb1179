"""Who becomes and who stops being an owner: only owners make further ones, and all owners hear of it."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from support.identity_mail import KeptMails, deliver
from support.identity_values import Proven
from support.identity_world import STAFF, World

from events.domains import parse_address
from events.envelope import Actor, Context
from service.identity.change import Change, change_workspace
from service.identity.invitations import invite
from service.identity.link_confirmation import confirm_link
from service.identity.magic_link import request_magic_link
from service.identity.mailbox import sign_in_by_magic_link
from service.identity.members import change_member, deactivate_member, erase_member, reactivate_member
from service.identity.resources import RequestMeta

ADA, GRACE, EVE = "ada@acme.example", "grace@acme.example", "eve@acme.example"

Work = Callable[[Change], Awaitable[object]]


async def changed(world: World, work: Work, context: Context = STAFF) -> None:
    await change_workspace(world.resources, "acme", context, work)


async def told(world: World) -> dict[str, str]:
    """Return the owners' notices that wait, by recipient, and send them."""
    mails = KeptMails()
    await deliver(world, mails)
    found = {}
    for message in mails.kept:
        body = message.get_body(("plain",))
        if body is not None and "You get this mail because" in body.get_content():
            found[str(message["To"])] = body.get_content()
    return found


async def mailed_token(world: World, path: str) -> str:
    mails = KeptMails()
    await deliver(world, mails)
    body = mails.kept[-1].get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return text.partition(f"https://id.example.com{path}")[2].split()[0]


async def accept_by_mail(world: World, address: str) -> None:
    assert await request_magic_link(world.resources, parse_address(address)) == 0
    token = await mailed_token(world, "/login/magic-link/")
    await sign_in_by_magic_link(world.resources, token, RequestMeta("r-7", None))


async def owners(world: World) -> list[str]:
    return sorted(row["email"] for row in await world.rows("members") if row["role"] == "owner")


async def test_staff_cannot_take_a_workspace_over_unseen(world: World) -> None:
    """Whoever stops being an owner hears of it, and of who comes after them."""
    ada, eve = await world.member(ADA, "owner"), await world.member(EVE)
    context = Context(Actor("token", "support-1"), reason="asked by mail")
    await changed(world, lambda change: change_member(change, ada, role="viewer"), context)
    await changed(world, lambda change: change_member(change, eve, role="owner"), context)
    mails = KeptMails()
    await deliver(world, mails)
    texts = [message.as_string() for message in mails.kept if message["To"] == ADA]
    assert len(texts) == 2
    assert f"{ADA} is no longer an owner." in texts[0]
    assert f"{EVE} is an owner now." in texts[1]
    assert all("token support-1" in text and "asked by mail" in text for text in texts)


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (deactivate_member, f"{ADA}, an owner, may no longer sign in."),
        (erase_member, "What was known of an owner was erased."),
    ],
    ids=["deactivated", "erased"],
)
async def test_the_other_owners_hear_of_an_owner_who_goes(
    world: World, work: Callable[[Change, UUID], Awaitable[object]], sentence: str
) -> None:
    ada = await world.member(ADA, "owner")
    await world.member(GRACE, "owner")
    await changed(world, lambda change: work(change, ada))
    assert sentence in (await told(world))[GRACE]


async def test_the_owners_hear_of_an_owner_who_comes_back_and_of_one_who_is_invited(world: World) -> None:
    ada, grace = await world.member(ADA, "owner"), await world.member(GRACE, "owner")
    await world.pool.execute("update identity.members set status = 'deactivated' where member_id = $1", ada)
    owner = Context(Actor("member", str(grace)))
    await changed(world, lambda change: reactivate_member(change, ada), owner)
    assert f"{ADA}, an owner, may sign in again." in (await told(world))[GRACE]
    await changed(world, lambda change: invite(change, EVE, "owner"), owner)
    assert set(await told(world)) == {ADA, GRACE}


async def test_no_mail_goes_out_about_people_who_are_no_owners(world: World) -> None:
    """Owners read what matters when that is all they get."""
    await world.member(ADA, "owner")
    eve = await world.member(EVE)
    await changed(world, lambda change: change_member(change, eve, role="admin"))
    await changed(world, lambda change: deactivate_member(change, eve))
    await changed(world, lambda change: reactivate_member(change, eve))
    await changed(world, lambda change: invite(change, GRACE, "admin"))
    assert await told(world) == {}


async def test_of_several_first_owners_invited_by_staff_one_becomes_it(world: World) -> None:
    """An invitation that waits does not let staff add an owner where there is one by now."""
    await changed(world, lambda change: invite(change, ADA, "owner"))
    await changed(world, lambda change: invite(change, EVE, "owner"))
    await accept_by_mail(world, ADA)
    await accept_by_mail(world, EVE)
    assert await owners(world) == [ADA]
    outcome = await world.sign_in(Proven(email=EVE, subject="00u-eve"))
    assert (outcome.status, outcome.reason) == ("refused", "invitation_required")


async def test_a_link_mailed_to_a_first_owner_makes_no_second_one(world: World) -> None:
    await changed(world, lambda change: invite(change, EVE, "owner"))
    assert (await world.sign_in(Proven(email=EVE, subject="00u-eve"))).status == "confirm_link"
    token = await mailed_token(world, "/link/")
    await world.member(ADA, "owner")
    result = await confirm_link(world.resources, token, "r-8")
    assert (result.state, result.reason) == ("refused", "invitation_required")
    assert await owners(world) == [ADA]


async def test_an_owner_adds_another_owner(world: World) -> None:
    ada = await world.member(ADA, "owner")
    await changed(world, lambda change: invite(change, GRACE, "owner"), Context(Actor("member", str(ada))))
    await accept_by_mail(world, GRACE)
    assert await owners(world) == [ADA, GRACE]
