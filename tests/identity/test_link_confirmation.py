"""Owners and admins are linked by a click mailed to them, or by their live session, never by address alone."""

import asyncio
import re
from collections.abc import Sequence
from email.message import EmailMessage

import pytest
from support.identity_mail import KeptMails, deliver
from support.identity_values import Proven
from support.identity_world import Begun, World, credentials_data, live

from events.catalogue.access import SsoDisabled
from events.catalogue.configuration import DomainRemoved
from events.catalogue.credentials import CredentialsSet
from events.catalogue.event_data import EventData
from service.identity.link_confirmation import LinkResult, confirm_link, find_link
from service.identity.link_request import LIFETIME, MOST_OPEN, PAUSE

NEW_ISSUER = "https://login.acme.example"


def token_in(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    found = re.search(r"https://id\.example\.com/link/([A-Za-z0-9_-]{43})", body.get_content())
    assert found is not None
    return found[1]


async def mailed(world: World) -> Sequence[EmailMessage]:
    mails = KeptMails()
    await deliver(world, mails)
    return mails.kept


async def confirm(world: World, token: str) -> LinkResult:
    return await confirm_link(world.resources, token, "r-2")


async def asked(world: World, person: Proven | None = None, begun: Begun | None = None) -> EmailMessage:
    """Sign in where a click is needed, and return the mail that was sent."""
    outcome = await world.sign_in(person, begun=begun)
    assert (outcome.status, outcome.session) == ("confirm_link", None)
    (message,) = await mailed(world)
    return message


@pytest.mark.parametrize("role", ["owner", "admin"])
async def test_an_owner_is_linked_by_the_click_and_then_signs_in(world: World, role: str) -> None:
    """The sign-in opens nothing; the click links, once; the person then starts the sign-in again."""
    member_id = await world.member(role="owner" if role == "owner" else "admin")
    message = await asked(world)
    assert message["To"] == "ada@acme.example"
    assert await world.rows("identities") == []
    assert (await confirm(world, token_in(message))).state == "linked"
    outcome = await world.sign_in()
    assert (outcome.status, outcome.how, outcome.member_id) == ("signed_in", "known", member_id)


async def test_the_click_works_once_even_twice_at_once(world: World) -> None:
    await world.member(role="owner")
    token = token_in(await asked(world))
    results = await asyncio.gather(*(confirm(world, token) for _ in range(3)))
    assert sorted(result.state for result in results) == ["linked", "used", "used"]
    assert len(await world.rows("identities")) == 1


async def test_looking_at_the_link_changes_nothing(world: World) -> None:
    """A mail scanner that opens the address spends nothing."""
    await world.member(role="owner")
    token = token_in(await asked(world))
    before = await world.snapshot()
    found = await find_link(world.pool, token, world.clock.now)
    assert found is not None
    assert (found.state, found.email, found.workspace_name) == ("open", "ada@acme.example", "Acme")
    assert await world.snapshot() == before


async def test_the_link_ends_after_thirty_minutes(world: World) -> None:
    await world.member(role="owner")
    token = token_in(await asked(world))
    world.clock.now += LIFETIME
    found = await find_link(world.pool, token, world.clock.now)
    assert found is not None
    assert (found.state, (await confirm(world, token)).state) == ("ended", "ended")
    assert await world.rows("identities") == []


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 5000])
async def test_an_unknown_link_is_unknown(world: World, token: str) -> None:
    assert (await confirm(world, token)).state == "unknown"
    assert await find_link(world.pool, token, world.clock.now) is None


async def test_the_token_is_kept_as_its_hash_and_sealed_while_it_waits(world: World) -> None:
    await world.member(role="owner")
    await world.sign_in()
    rows = repr(await world.snapshot())
    (message,) = await mailed(world)
    token = token_in(message)
    assert token not in rows
    assert token not in repr(await world.snapshot())


async def test_an_owners_invitation_needs_the_click_as_well(world: World) -> None:
    """The invitation is consumed by the click, and the mailbox that answered becomes the user's sign-in address."""
    await world.invitation(role="owner")
    message = await asked(world)
    assert [row["status"] for row in await world.rows("invitations")] == ["open"]
    assert (await confirm(world, token_in(message))).state == "linked"
    (member,), (user,) = await world.rows("members"), await world.rows("users")
    assert (member["role"], user["email"]) == ("owner", "ada@acme.example")
    assert (await world.sign_in()).member_id == member["member_id"]


async def test_a_click_on_an_invitation_finds_the_user_whose_mailbox_it_is(world: World) -> None:
    """Somebody with that proven address in another workspace stays one user."""
    await world.register("globex")
    await world.member(slug="globex", proven=True)
    await world.invitation(role="owner")
    await confirm(world, token_in(await asked(world)))
    assert len(await world.rows("users")) == 1


async def test_the_mail_goes_to_the_users_own_proven_address(world: World) -> None:
    """A connection that rewrote the membership's address does not get the owner's mail."""
    await world.member(role="owner", proven=True)
    await world.pool.execute("update identity.members set email = 'eve@acme.example', email_key = 'eve@acme.example'")
    message = await asked(world, Proven(email="eve@acme.example", subject="00u-eve"))
    assert message["To"] == "ada@acme.example"


async def test_an_owners_live_session_shows_who_they_are_under_a_new_issuer(world: World) -> None:
    """The session that opens this workspace is evidence enough; no mail is sent."""
    await world.member(role="owner")
    await confirm(world, token_in(await asked(world)))
    session = live((await world.sign_in()).session)
    magic = session.authentications[0].__class__("magic_link", world.clock.now.isoformat())
    await world.append("acme", [credentials_data(CredentialsSet, credentials_id="c-2", issuer=NEW_ISSUER)])
    person, begun = Proven(issuer=NEW_ISSUER), Begun("c-2")
    void = await world.sign_in(person, begun=begun, session=session)
    assert void.status == "confirm_link"
    by_magic = session.__class__(session.session_hash, session.user_id, (magic,))
    shown = await world.sign_in(person, begun=begun, session=by_magic)
    assert (shown.status, shown.how) == ("signed_in", "linked")
    relinked = next(
        event for event in await world.resources.store.read_stream("acme") if event.type == "IdentityRelinked"
    )
    assert relinked.data["how"] == "session"


async def test_the_same_sign_in_repeated_sends_no_second_mail_for_a_while(world: World) -> None:
    await world.member(role="owner")
    for _ in range(3):
        await world.sign_in()
    assert len(await mailed(world)) == 1
    world.clock.now += PAUSE
    await world.sign_in()
    assert len(await mailed(world)) == 1


async def test_nobody_can_flood_an_owners_mailbox(world: World) -> None:
    """However many accounts ask, only a few mails wait for one owner at once."""
    await world.member(role="owner")
    for number in range(MOST_OPEN + 3):
        await world.sign_in(Proven(subject=f"00u-{number}"))
    assert len(await mailed(world)) == MOST_OPEN


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([SsoDisabled()], "workspace_unavailable"),
        ([DomainRemoved(domain="acme.example")], "domain_not_allowed"),
        ([credentials_data(CredentialsSet, credentials_id="c-2", issuer=NEW_ISSUER)], "workspace_unavailable"),
    ],
    ids=["sso off", "domain removed", "new issuer"],
)
async def test_what_is_confirmed_is_judged_as_things_are_then(
    world: World, changes: Sequence[EventData], reason: str
) -> None:
    await world.member(role="owner")
    token = token_in(await asked(world))
    await world.append("acme", changes)
    result = await confirm(world, token)
    assert (result.state, result.reason) == ("refused", reason)
    assert await world.rows("identities") == []


async def test_a_member_deactivated_meanwhile_is_not_linked(world: World) -> None:
    await world.member(role="owner")
    token = token_in(await asked(world))
    await world.pool.execute("update identity.members set status = 'deactivated'")
    assert (await confirm(world, token)).reason == "member_deactivated"


async def test_two_accounts_asking_for_one_owner_link_only_the_one_confirmed_first(world: World) -> None:
    await world.member(role="owner")
    await world.sign_in(Proven(subject="00u-1"))
    await world.sign_in(Proven(subject="00u-2"))
    tokens = [token_in(message) for message in await mailed(world)]
    assert [(await confirm(world, token)).state for token in tokens] == ["linked", "refused"]
