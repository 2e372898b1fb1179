"""Admission on a real database: who gets in, what is written, and what is not."""

from uuid import UUID

import pytest
from support.database import Pool
from support.identity_values import ISSUER, Proven
from support.identity_world import Begun, World, credentials_data, live, other

from events.catalogue.access import SsoDisabled
from events.catalogue.configuration import DomainAdded, DomainRemoved, JitDisabled, JitEnabled
from events.catalogue.credentials import CredentialsSet, CredentialsStaged
from events.workspace import FOLD_VERSION
from service.identity.access import Access, open_workspace
from service.identity.outcome import Outcome

NEW_ISSUER = "https://login.acme.example"


async def refused_without_a_trace(world: World, outcome: Outcome, reason: str, before: dict[str, object]) -> None:
    assert (outcome.status, outcome.reason, outcome.session) == ("refused", reason, None)
    assert await world.snapshot() == before
    row = (await world.rows("sign_ins"))[-1]
    assert (row["reason"], row["request_id"], row["sign_in_id"]) == (reason, "r-1", outcome.sign_in_id)


async def test_an_unknown_person_is_created_as_editor_with_all_websites(world: World) -> None:
    """Unknown: with JIT created as editor with all websites, by an event of the ledger."""
    outcome = await world.sign_in()
    (member,) = await world.rows("members")
    assert (outcome.status, outcome.how, outcome.member_id) == ("signed_in", "jit", member["member_id"])
    assert (member["role"], member["websites"], member["status"]) == ("editor", '"all"', "active")
    assert (await world.event_types())[4:] == ["MemberJoined", "ConnectionProven"]
    (row,) = await world.rows("sign_ins")
    assert (row["reason"], row["member_id"], row["config_version"]) == ("ok", member["member_id"], 4)


async def test_a_user_made_just_in_time_has_no_sign_in_address(world: World) -> None:
    """A connection writes only its own membership's e-mail, never the user's."""
    await world.sign_in()
    (user,) = await world.rows("users")
    assert (user["email"], user["email_key"]) == (None, None)


@pytest.mark.parametrize("role", ["editor", "viewer"])
async def test_just_in_time_creation_gives_the_recorded_role(world: World, role: str) -> None:
    await world.append("acme", [JitEnabled(role="viewer" if role == "viewer" else "editor")])
    await world.sign_in()
    assert [member["role"] for member in await world.rows("members")] == [role]


async def test_without_just_in_time_creation_an_unknown_person_needs_an_invitation(world: World) -> None:
    await world.append("acme", [JitDisabled()])
    before = await world.snapshot()
    await refused_without_a_trace(world, await world.sign_in(), "invitation_required", dict(before))


async def test_an_invitation_is_consumed_with_its_role_and_websites(world: World) -> None:
    """Invited: in, invitation consumed, with its role; whatever the address' case, with JIT on or off."""
    await world.append("acme", [JitDisabled()])
    invitation_id = await world.invitation("Ada@Acme.example", "viewer")
    outcome = await world.sign_in(Proven(email="ADA@acme.example"))
    (member,) = await world.rows("members")
    (invitation,) = await world.rows("invitations")
    assert (outcome.how, member["role"], member["websites"]) == ("invited", "viewer", '["w-1"]')
    assert (invitation["status"], invitation["member_id"]) == ("accepted", member["member_id"])
    event = (await world.resources.store.read_stream("acme"))[-2]
    assert (event.type, event.data["invitation_id"]) == ("MemberJoined", str(invitation_id))


async def test_an_invitation_to_another_workspace_counts_for_nothing(world: World) -> None:
    await world.register("globex", jit=False)
    await world.invitation(slug="acme")
    before = await world.snapshot()
    await refused_without_a_trace(world, await world.sign_in(slug="globex"), "invitation_required", dict(before))


async def test_a_revoked_invitation_suspends_just_in_time_creation(world: World) -> None:
    await world.invitation(status="revoked")
    before = await world.snapshot()
    await refused_without_a_trace(world, await world.sign_in(), "invitation_required", dict(before))


async def test_an_expired_invitation_suspends_just_in_time_creation(world: World) -> None:
    await world.invitation()
    world.clock.turn(days=8)
    before = await world.snapshot()
    await refused_without_a_trace(world, await world.sign_in(), "invitation_required", dict(before))


async def test_a_known_member_signs_in_and_nothing_is_appended(world: World) -> None:
    """Later sign-ins write no event; the time of the identity moves."""
    first = await world.sign_in()
    events = await world.event_types()
    world.clock.turn(hours=1)
    again = await world.sign_in()
    assert (again.status, again.how, again.member_id) == ("signed_in", "known", first.member_id)
    assert await world.event_types() == events
    (identity,) = await world.rows("identities")
    assert identity["last_sign_in_at"] == world.clock.now
    assert [row["reason"] for row in await world.rows("sign_ins")] == ["ok", "ok"]


async def test_a_changed_address_follows_the_identity(world: World) -> None:
    """Same sub, new e-mail in an allowed domain: the same member, whose e-mail is updated."""
    first = await world.sign_in()
    again = await world.sign_in(Proven(email="Ada.King@acme.example"))
    (member,) = await world.rows("members")
    assert again.member_id == first.member_id
    assert (member["email"], member["email_key"]) == ("Ada.King@acme.example", "ada.king@acme.example")


async def test_a_changed_address_outside_the_domains_is_refused(world: World) -> None:
    await world.sign_in()
    before = await world.snapshot()
    outcome = await world.sign_in(Proven(email="ada@globex.example"))
    await refused_without_a_trace(world, outcome, "domain_not_allowed", dict(before))


async def test_another_subject_with_a_linked_members_address_is_refused(world: World) -> None:
    """A different sub with a linked member's e-mail is refused and logged, not re-linked (C16)."""
    await world.sign_in()
    before = await world.snapshot()
    outcome = await world.sign_in(Proven(subject="00u-new-hire"))
    await refused_without_a_trace(world, outcome, "identity_conflict", dict(before))


async def test_an_address_that_became_another_members_is_refused(world: World) -> None:
    await world.sign_in()
    await world.sign_in(Proven(subject="00u-grace", email="grace@acme.example"))
    before = await world.snapshot()
    outcome = await world.sign_in(Proven(email="grace@acme.example"))
    await refused_without_a_trace(world, outcome, "identity_conflict", dict(before))


@pytest.mark.parametrize("by", ["identity", "address"])
async def test_a_deactivated_member_is_refused_and_just_in_time_creation_does_not_revive_them(
    world: World, by: str
) -> None:
    """Deactivated, found by identity or by address: refused, and nothing is written but the log."""
    await world.sign_in()
    await world.pool.execute("update identity.members set status = 'deactivated'")
    before = await world.snapshot()
    person = Proven() if by == "identity" else Proven(subject="00u-recreated")
    await refused_without_a_trace(world, await world.sign_in(person), "member_deactivated", dict(before))


async def test_an_editor_is_linked_by_address_once_with_an_event(world: World) -> None:
    member_id = await world.member()
    outcome = await world.sign_in()
    assert (outcome.how, outcome.member_id) == ("linked", member_id)
    joined = (await world.resources.store.read_stream("acme"))[4]
    assert (joined.type, joined.data["how"], joined.actor.id) == ("MemberJoined", "linked", str(member_id))


async def test_under_a_new_issuer_members_link_anew_by_address_once_each(world: World) -> None:
    """Custom domain or another Okta org: linked anew by e-mail once, logged; a second identity is a conflict."""
    first = await world.sign_in()
    await world.append("acme", [credentials_data(CredentialsSet, credentials_id="c-2", issuer=NEW_ISSUER)])
    begun, person = Begun("c-2"), Proven(issuer=NEW_ISSUER, subject="00u-elsewhere")
    again = await world.sign_in(person, begun=begun)
    assert (again.how, again.member_id) == ("linked", first.member_id)
    assert "IdentityRelinked" in await world.event_types()
    third = await world.sign_in(other(person, subject="00u-third"), begun=begun)
    assert third.reason == "identity_conflict"


async def test_the_same_subject_of_another_issuer_is_another_person(world: World) -> None:
    """B8: the identity is (workspace, issuer, sub)."""
    await world.sign_in()
    await world.append("acme", [credentials_data(CredentialsSet, credentials_id="c-2", issuer=NEW_ISSUER)])
    person = Proven(issuer=NEW_ISSUER, email="grace@acme.example")
    await world.sign_in(person, begun=Begun("c-2"))
    assert len(await world.rows("members")) == 2


async def test_pairwise_subjects_are_told_apart_by_client(world: World) -> None:
    """S16: the identity includes the client id, so that another client's subject is another identity."""
    await world.sign_in(Proven(subject_scope="0oa1"))
    await world.sign_in(Proven(subject_scope="0oa2", email="grace@acme.example"))
    scopes = {(row["subject_scope"], row["member_id"]) for row in await world.rows("identities")}
    assert len(scopes) == len(await world.rows("members")) == 2


async def test_a_connection_admits_into_its_own_workspace_only(world: World) -> None:
    """B7: globex' provider asserts the address of acme's owner: another member, another user, of globex alone."""
    owner = await world.member("ada@acme.example", "owner", proven=True)
    await world.register("globex", domain="acme.example")
    outcome = await world.sign_in(slug="globex")
    members = {row["workspace"]: row for row in await world.rows("members")}
    assert outcome.member_id == members["globex"]["member_id"] != owner
    assert members["globex"]["user_id"] != members["acme"]["user_id"]
    assert members["globex"]["role"] == "editor"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (SsoDisabled(reason="closed"), "workspace_unavailable"),
        (DomainRemoved(domain="acme.example"), "domain_not_allowed"),
        (credentials_data(CredentialsSet, credentials_id="c-2"), "attempt_expired"),
    ],
    ids=["sso off", "domain removed", "credentials replaced"],
)
async def test_what_changed_between_initiate_and_callback_is_judged_as_it_is_now(
    world: World, change: object, reason: str
) -> None:
    await world.sign_in()
    await world.append("acme", [change])  # type: ignore[list-item]
    before = await world.snapshot()
    await refused_without_a_trace(world, await world.sign_in(), reason, dict(before))


async def test_a_domain_added_again_lets_its_people_in_again(world: World) -> None:
    first = await world.sign_in()
    await world.append("acme", [DomainRemoved(domain="acme.example")])
    assert (await world.sign_in()).reason == "domain_not_allowed"
    await world.append("acme", [DomainAdded(domain="acme.example")])
    assert (await world.sign_in()).member_id == first.member_id


async def test_an_unknown_workspace_is_unavailable(world: World) -> None:
    outcome = await world.sign_in(slug="nowhere")
    assert (outcome.status, outcome.reason) == ("refused", "workspace_unavailable")


async def test_nobody_is_admitted_on_a_read_model_behind_its_stream(world: World, owner_pool: Pool) -> None:
    """Admission requires the read model's version to equal the stream's; otherwise it fails closed."""
    await owner_pool.execute("update projection.connections set version = version - 1")
    outcome = await world.sign_in()
    assert (outcome.status, outcome.reason) == ("refused", "workspace_unavailable")
    assert outcome.detail == "read_model_unusable"


async def test_a_read_model_of_another_program_version_is_folded_anew_from_the_events(
    world: World, owner_pool: Pool
) -> None:
    """Rows carry the fold's version: while a new version is rolled out, people still sign in and stay signed in."""
    stale = "update projection.connections set fold_version = $1, document = jsonb_build_object('slug', slug)"
    await owner_pool.execute(stale, FOLD_VERSION + 1)
    assert (await world.sign_in()).how == "jit"
    await owner_pool.execute(stale, FOLD_VERSION + 1)
    outcome = await world.sign_in()
    assert outcome.how == "known"
    found = await open_workspace(world.pool, live(outcome.session), "acme", world.clock.now)
    assert isinstance(found, Access)


async def test_a_test_of_staged_credentials_writes_the_log_and_the_proof_and_nothing_else(world: World) -> None:
    staged = credentials_data(CredentialsStaged, credentials_id="c-2", issuer=NEW_ISSUER)
    await world.append("acme", [staged])
    before = await world.snapshot()
    outcome = await world.sign_in(Proven(issuer=NEW_ISSUER), begun=Begun("c-2"), test=True)
    assert (outcome.status, outcome.session) == ("tested", None)
    assert await world.snapshot() == before
    assert (await world.event_types())[-1] == "ConnectionProven"
    state = await world.workspace()
    assert state.staged is not None
    assert (state.staged.proven, state.credentials and state.credentials.proven) == (True, False)


async def test_a_test_by_a_person_whom_the_policy_refuses_proves_nothing(world: World) -> None:
    await world.append("acme", [credentials_data(CredentialsStaged, credentials_id="c-2", issuer=NEW_ISSUER)])
    person = Proven(issuer=NEW_ISSUER, email="ada@globex.example")
    outcome = await world.sign_in(person, begun=Begun("c-2"), test=True)
    assert (outcome.status, outcome.reason) == ("refused", "domain_not_allowed")
    assert "ConnectionProven" not in await world.event_types()


async def test_staged_credentials_sign_nobody_in(world: World) -> None:
    await world.append("acme", [credentials_data(CredentialsStaged, credentials_id="c-2", issuer=ISSUER)])
    outcome = await world.sign_in(begun=Begun("c-2"))
    assert (outcome.status, outcome.reason) == ("refused", "attempt_expired")


async def test_the_proof_is_recorded_once_per_credentials(world: World) -> None:
    for _ in range(3):
        await world.sign_in()
    assert (await world.event_types()).count("ConnectionProven") == 1


async def test_signing_in_as_another_person_than_the_sessions_writes_nothing_but_the_log(world: World) -> None:
    """S9: no session for somebody else until a POST confirms; then the sign-in is judged anew."""
    ada = await world.sign_in()
    before = await world.snapshot()
    grace = Proven(subject="00u-grace", email="grace@acme.example")
    asked = await world.sign_in(grace, session=live(ada.session))
    assert (asked.status, asked.session) == ("confirm_switch", None)
    assert await world.snapshot() == before
    done = await world.sign_in(grace, session=live(ada.session), switch_confirmed=True)
    assert done.status == "signed_in"
    hashes = {bytes(row["session_hash"]) for row in await world.rows("sessions")}
    assert done.session is not None
    assert hashes == {done.session.session_hash}


async def test_the_same_person_keeps_what_the_session_opened_under_a_new_id(world: World) -> None:
    """The session's id changes at sign-in, and the row of the old one is gone."""
    first = await world.sign_in()
    again = await world.sign_in(session=live(first.session))
    assert again.session is not None
    assert first.session is not None
    assert again.session.token != first.session.token
    assert [UUID(str(row["user_id"])) for row in await world.rows("sessions")] == [again.session.user_id]
