"""Members and invitations: what others change about people, with its events, guards and notices."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import pytest
from support.identity_mail import KeptMails, deliver
from support.identity_values import Proven
from support.identity_world import STAFF, World, live

from events.catalogue.access import EnforcementEnabled, SsoEnabled
from events.commands.access import DisableSso
from events.envelope import Actor, Context
from events.refusals import Refusal
from service.errors import WorkspaceUnknown
from service.identity.access import NoAccess, open_workspace
from service.identity.change import Change, change_workspace
from service.identity.invitations import invite, list_invitations, revoke_invitation
from service.identity.members import (
    change_member,
    deactivate_member,
    erase_member,
    find_member,
    list_members,
    reactivate_member,
)

T = TypeVar("T")


async def changed(world: World, work: Callable[[Change], Awaitable[T]], context: Context = STAFF) -> T:
    return await change_workspace(world.resources, "acme", context, work)


async def refused(world: World, work: Callable[[Change], Awaitable[object]], context: Context = STAFF) -> str:
    before, events = await world.snapshot(), await world.event_types()
    with pytest.raises(Refusal) as caught:
        await changed(world, work, context)
    assert (await world.snapshot(), await world.event_types()) == (before, events)
    return caught.value.code


async def test_an_invitation_is_recorded_by_id_and_mailed(world: World) -> None:
    """The event names no address; the mail goes out with the commit."""
    invitation, new = await changed(world, lambda change: invite(change, "Grace@Acme.example", "viewer"))
    assert new
    event = (await world.resources.store.read_stream("acme"))[-1]
    assert (event.type, event.data["invitation_id"]) == ("MemberInvited", str(invitation.invitation_id))
    assert "grace@" not in repr(event).lower()
    mails = KeptMails()
    await deliver(world, mails)
    assert [message["To"] for message in mails.kept] == ["Grace@acme.example"]


async def test_the_same_invitation_again_changes_nothing(world: World) -> None:
    first, _ = await changed(world, lambda change: invite(change, "grace@acme.example"))
    before = await world.event_types()
    again, new = await changed(world, lambda change: invite(change, "GRACE@acme.example"))
    assert (again.invitation_id, new) == (first.invitation_id, False)
    assert await world.event_types() == before


async def test_an_invitation_with_another_role_replaces_the_open_one(world: World) -> None:
    await changed(world, lambda change: invite(change, "grace@acme.example", "viewer"))
    await changed(world, lambda change: invite(change, "grace@acme.example", "admin"))
    (still_open,) = await list_invitations(world.pool, "acme", world.clock.now, 10)
    assert still_open.role == "admin"


@pytest.mark.parametrize("status", ["active", "deactivated"])
async def test_a_members_address_is_not_invited(world: World, status: str) -> None:
    await world.member()
    await world.pool.execute("update identity.members set status = $1", status)
    assert await refused(world, lambda change: invite(change, "ADA@acme.example")) == "data_invalid"


@pytest.mark.parametrize("address", ["", "nobody", "a@b@c.example", "ada@acme.example\nBcc: x@y.example"])
async def test_what_is_no_address_is_not_invited(world: World, address: str) -> None:
    assert await refused(world, lambda change: invite(change, address)) == "data_invalid"


async def test_staff_can_invite_a_first_owner_and_no_further_one(world: World) -> None:
    await changed(world, lambda change: invite(change, "grace@acme.example", "owner"))
    await world.member(role="owner")
    assert await refused(world, lambda change: invite(change, "eve@acme.example", "owner")) == "forbidden"


async def test_an_invitation_names_websites_that_the_workspace_has(world: World) -> None:
    await world.pool.execute(
        "insert into identity.websites (workspace, website_id) values ('acme', 'w-1'), ('acme', 'w-2')"
    )
    invitation, _ = await changed(world, lambda change: invite(change, "grace@acme.example", "viewer", ["w-2"]))
    assert invitation.websites == ["w-2"]
    code = await refused(world, lambda change: invite(change, "eve@acme.example", "viewer", ["w-2", "w-9"]))
    assert code == "data_invalid"


async def test_a_revoked_invitation_opens_nothing_and_suspends_just_in_time_creation(world: World) -> None:
    invitation, _ = await changed(world, lambda change: invite(change, "ada@acme.example"))
    await changed(world, lambda change: revoke_invitation(change, invitation.invitation_id))
    assert (await world.event_types())[-1] == "InvitationRevoked"
    assert (await world.sign_in()).reason == "invitation_required"
    assert await list_invitations(world.pool, "acme", world.clock.now, 10) == []
    code = await refused(world, lambda change: revoke_invitation(change, invitation.invitation_id))
    assert code == "invitation_unknown"


async def test_a_new_invitation_after_a_revoked_one_lets_the_person_in(world: World) -> None:
    invitation, _ = await changed(world, lambda change: invite(change, "ada@acme.example"))
    await changed(world, lambda change: revoke_invitation(change, invitation.invitation_id))
    world.clock.turn(minutes=1)
    await changed(world, lambda change: invite(change, "ada@acme.example", "viewer"))
    assert (await world.sign_in()).how == "invited"


async def test_a_members_role_changes_with_an_event_and_only_once(world: World) -> None:
    member_id = await world.member()
    assert await changed(world, lambda change: change_member(change, member_id, role="admin"))
    assert not await changed(world, lambda change: change_member(change, member_id, role="admin"))
    assert (await world.event_types()).count("MemberRoleChanged") == 1
    assert (await find_member(world.pool, "acme", "ada@acme.example")).role == "admin"


async def test_an_unknown_member_is_unknown(world: World) -> None:
    stranger = UUID(int=1)
    assert await refused(world, lambda change: change_member(change, stranger, role="admin")) == "member_unknown"
    assert await refused(world, lambda change: deactivate_member(change, stranger)) == "member_unknown"
    with pytest.raises(Refusal):
        await find_member(world.pool, "acme", "nobody@acme.example")


async def test_an_unknown_workspace_is_unknown(world: World) -> None:
    with pytest.raises(WorkspaceUnknown):
        await change_workspace(world.resources, "nowhere", STAFF, lambda change: invite(change, "a@acme.example"))


async def test_deactivating_ends_the_members_sessions_and_reactivating_lets_them_in_again(world: World) -> None:
    outcome = await world.sign_in()
    assert outcome.member_id is not None
    member_id = outcome.member_id
    await changed(world, lambda change: deactivate_member(change, member_id))
    assert await world.rows("sessions") == []
    assert (await world.sign_in()).reason == "member_deactivated"
    await changed(world, lambda change: reactivate_member(change, member_id))
    assert (await world.sign_in()).member_id == member_id


@pytest.mark.parametrize("what", ["deactivate", "demote", "erase"])
async def test_while_sso_is_required_the_last_owner_with_a_way_in_stays(world: World, what: str) -> None:
    """The guard counts active owners who are linked under the active issuer and signed in lately."""
    owner = await world.member(role="owner")
    await world.member("grace@acme.example", "owner")
    await linked(world, owner, "00u-ada")
    await world.append("acme", [EnforcementEnabled()])
    works: dict[str, Callable[[Change], Awaitable[object]]] = {
        "deactivate": lambda change: deactivate_member(change, owner),
        "demote": lambda change: change_member(change, owner, role="editor"),
        "erase": lambda change: erase_member(change, owner),
    }
    assert await refused(world, works[what]) == "would_lock_out"


async def test_while_sso_is_required_an_owner_may_go_when_another_has_a_way_in(world: World) -> None:
    owner = await world.member(role="owner")
    grace = await world.member("grace@acme.example", "owner")
    await linked(world, owner, "00u-ada")
    await linked(world, grace, "00u-grace")
    await world.append("acme", [EnforcementEnabled()])
    assert await changed(world, lambda change: deactivate_member(change, owner))
    assert await refused(world, lambda change: deactivate_member(change, grace)) == "would_lock_out"


async def linked(world: World, member_id: UUID, subject: str) -> None:
    await world.pool.execute(
        "insert into identity.identities (workspace, issuer, subject, member_id, linked_at, last_sign_in_at)"
        " values ('acme', 'https://acme.okta.example', $1, $2, $3, $3)",
        subject,
        member_id,
        world.clock.now,
    )


async def test_an_editor_may_not_change_members(world: World) -> None:
    """Actors come from authentication; what they may do from their role now."""
    editor = await world.member("eve@acme.example", "editor")
    member_id = await world.member()
    context = Context(Actor("member", str(editor)))
    assert await refused(world, lambda change: change_member(change, member_id, role="admin"), context) == "forbidden"


async def test_members_are_listed_page_by_page(world: World) -> None:
    for name in "abcde":
        await world.member(f"{name}@acme.example")
        world.clock.turn(minutes=1)
    first = await list_members(world.pool, "acme", 3)
    rest = await list_members(world.pool, "acme", 3, (first[-1].joined_at, first[-1].member_id))
    assert [member.email[0] for member in (*first, *rest)] == list("abcde")


async def test_erasing_leaves_nothing_of_the_person_but_a_keyed_tombstone(world: World) -> None:
    """The address is in no table any more; the opaque id stays; JIT does not bring the person back."""
    await world.invitation()
    outcome = await world.sign_in(Proven(email="Ada@acme.example"))
    assert outcome.member_id is not None
    member_id = outcome.member_id
    await changed(world, lambda change: erase_member(change, member_id))
    tables = await world.snapshot() | {"sign_ins": await world.rows("sign_ins")}
    assert "ada@" not in repr(tables).lower()
    assert "00u-ada" not in repr(tables)
    assert [row["status"] for row in tables["members"]] == ["erased"]
    assert (tables["users"], tables["sessions"]) == ([], [])
    assert (await world.sign_in()).reason == "invitation_required"
    assert (await world.sign_in(Proven(subject="00u-other"))).reason == "invitation_required"


async def test_an_erased_person_comes_back_by_invitation(world: World) -> None:
    member_id = await world.member()
    await changed(world, lambda change: erase_member(change, member_id))
    await changed(world, lambda change: invite(change, "ada@acme.example", "viewer"))
    outcome = await world.sign_in()
    assert (outcome.how, outcome.member_id != member_id) == ("invited", True)


async def test_erasing_in_one_workspace_leaves_the_other_memberships(world: World) -> None:
    await world.register("globex")
    user = await world.member(proven=True)
    row = (await world.rows("users"))[0]
    other_id = UUID(int=7)
    await world.pool.execute(
        "insert into identity.members (member_id, workspace, user_id, email, email_key, role, joined_at, joined_how)"
        " values ($1, 'globex', $2, 'ada@acme.example', 'ada@acme.example', 'viewer', $3, 'invitation')",
        other_id,
        row["user_id"],
        world.clock.now,
    )
    await changed(world, lambda change: erase_member(change, user))
    assert len(await world.rows("users")) == 1
    assert (await find_member(world.pool, "globex", "ada@acme.example")).member_id == other_id


async def test_a_former_owner_hears_of_changes_for_thirty_days(world: World) -> None:
    """Owners' notices also go to the owners of the last thirty days, to their own proven address."""
    ada = await world.member(role="owner", proven=True)
    await world.member("grace@acme.example", "owner")
    await changed(world, lambda change: deactivate_member(change, ada))

    async def told() -> set[str]:
        mails = KeptMails()
        await changed(world, lambda change: change.decide(DisableSso(reason="moved")))
        await deliver(world, mails)
        return {str(message["To"]) for message in mails.kept}

    assert await told() == {"ada@acme.example", "grace@acme.example"}
    await world.append("acme", [SsoEnabled()])
    world.clock.now += timedelta(days=30)
    assert await told() == {"grace@acme.example"}


async def test_an_owners_notice_says_what_who_when_and_why(world: World) -> None:

    await world.member(role="owner")
    context = Context(Actor("token", "support-1"), reason="the customer asked", requested_by="Grace", ticket="T-42")
    await changed(world, lambda change: change.decide(DisableSso()), context)
    mails = KeptMails()
    await deliver(world, mails)
    (message,) = mails.kept
    body = message.get_body(("plain",))
    assert body is not None
    for expected in (
        "SSO is switched off.",
        "token support-1",
        "25 November 2026",
        "the customer asked",
        "Grace",
        "T-42",
    ):
        assert expected in body.get_content()


async def test_a_refused_change_tells_nobody(world: World) -> None:
    """The notice is in the change's own transaction."""
    await world.member(role="owner")

    async def failing(change: Change) -> None:

        await change.decide(DisableSso())
        raise Refusal("forbidden", "No.")

    assert await refused(world, failing) == "forbidden"
    assert await world.rows("outbox") == []


async def test_a_live_session_of_an_erased_member_opens_nothing(world: World) -> None:

    outcome = await world.sign_in()
    session = live(outcome.session)
    assert outcome.member_id is not None
    member_id = outcome.member_id
    await changed(world, lambda change: erase_member(change, member_id))
    assert await open_workspace(world.pool, session, "acme", world.clock.now) == NoAccess("not_a_member")
