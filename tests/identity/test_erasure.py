"""What is left of an erased person, and for how long: tombstones outlive the keys of their day."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from support.identity_values import Proven
from support.identity_world import KEY, STAFF, World

from events.catalogue.configuration import DomainAdded
from events.domains import parse_address
from events.sealing import KeyRing
from events.verify import verify_log
from service.db import transaction
from service.identity.change import change_workspace
from service.identity.limited_sessions import LimitedSession, begin_limited_session
from service.identity.magic_link import request_magic_link
from service.identity.members import erase_member
from service.identity.outbox import Mail, enqueue
from service.identity.recovery import request_recovery
from service.identity.relinking import keep_conflict
from service.identity.sign_in_log import SignIn, record
from service.identity.tombstones import Tombstones

NEWER = bytes(range(1, 33))


def with_keys(world: World, *keys: bytes) -> Tombstones:
    """Give the world other secret keys, newest first, as after a restart."""
    made = Tombstones(world.pool, KeyRing(keys))
    world.resources = replace(world.resources, tombstones=made)
    return made


async def erased(world: World) -> UUID:
    member_id = (await world.sign_in()).member_id
    assert member_id is not None
    await change_workspace(world.resources, "acme", STAFF, lambda change: erase_member(change, member_id))
    return member_id


async def test_s12_a_tombstone_outlives_the_secret_key_of_its_day(world: World) -> None:
    """Rotated to a newer key, and the old one taken out: address and identity are still known to have been erased."""
    await erased(world)
    assert await with_keys(world, NEWER, KEY).rewrap() == 1
    assert await with_keys(world, NEWER).rewrap() == 0
    assert (await world.sign_in(Proven(subject="00u-new"))).detail == "erased_before"
    assert (await world.sign_in(Proven(email="ada.king@acme.example"))).detail == "erased_before"


async def test_s12_tombstones_before_and_after_a_rotation_are_found_alike(world: World) -> None:
    await erased(world)
    await with_keys(world, NEWER, KEY).rewrap()
    grace = Proven("grace@acme.example", "00u-grace")
    member_id = (await world.sign_in(grace)).member_id
    assert member_id is not None
    await change_workspace(world.resources, "acme", STAFF, lambda change: erase_member(change, member_id))
    for person in (Proven(), grace):
        assert (await world.sign_in(person)).detail == "erased_before"


async def test_a_tombstone_says_nothing_about_another_workspace(world: World) -> None:
    await world.register("globex", domain="acme.example")
    await erased(world)
    assert (await world.sign_in(slug="globex")).how == "jit"


async def test_tombstones_of_many_erased_at_once_are_made_under_one_key(world: World) -> None:
    """Two processes that need the key for the first time end with the same one."""
    first, second = (Tombstones(world.pool, KeyRing([KEY])) for _ in range(2))
    ada, grace = await world.member(), await world.member("grace@acme.example")
    async with transaction(world.pool) as one, transaction(world.pool) as other:
        await first.raise_for(one, "acme", ada, world.clock.now)
        await second.raise_for(other, "acme", grace, world.clock.now)
    nobody = ("", "", "")
    for tombstones in (first, second):
        for key in ("ada@acme.example", "grace@acme.example"):
            assert await tombstones.find(world.pool, "acme", key, nobody)
    assert not await first.find(world.pool, "acme", "eve@acme.example", nobody)


async def test_the_sign_in_log_is_anonymised_however_the_address_was_written(world: World) -> None:
    """In any case, with its domain in either form; other people's rows, and other workspaces', stay as they are."""
    await world.append("acme", [DomainAdded(domain="xn--mnchen-3ya.example")])
    written = ["ada@m\u00fcnchen.example", "ADA@xn--mnchen-3ya.example", "Ada@M\u00dcNCHEN.example"]
    members = {(await world.sign_in(Proven(email=email))).member_id for email in written}
    grace, refused = Proven("ada.grace@acme.example", "00u-grace"), Proven("ada@globex.example", "00u-eve")
    for other in (grace, refused):
        await world.sign_in(other)
    # Refused before anybody looked for a member: the row has the address alone.
    await world.pool.execute("update identity.sign_ins set member_id = null where sign_in_id = 1")
    (member_id,) = members
    assert member_id is not None
    await change_workspace(world.resources, "acme", STAFF, lambda change: erase_member(change, member_id))
    rows = sorted(await world.rows("sign_ins"), key=lambda row: row["sign_in_id"])
    left = [row["email"] for row in rows]
    assert left == [None, None, None, grace.email, refused.email]


async def test_erasing_changes_no_event_and_the_log_still_verifies(world: World) -> None:
    """Every event of before stands byte for byte; the chain holds; no event ever held the address."""
    await world.sign_in()
    before = await world.pool.fetch("select position, canonical, hash from ledger.events order by position")
    (member,) = await world.rows("members")
    await change_workspace(world.resources, "acme", STAFF, lambda change: erase_member(change, member["member_id"]))
    after = await world.pool.fetch("select position, canonical, hash from ledger.events order by position")
    assert after[: len(before)] == before
    assert [row["canonical"].count("MemberErased") for row in after[len(before) :]] == [1]
    assert (await verify_log(world.resources.store)).fault is None
    assert "ada@" not in repr(after).lower()


async def test_requests_and_sessions_to_recover_go_with_the_owner(world: World) -> None:
    member_id = (await world.sign_in()).member_id
    assert member_id is not None
    await request_recovery(world.resources, "acme", parse_address("ada@acme.example"), "AAAA-AAAA-AAAA-AAAA")
    session = LimitedSession("recovery", "acme", member_id, world.clock.now + timedelta(minutes=15))
    async with transaction(world.pool) as connection:
        await begin_limited_session(connection, session, world.clock.now)
    await change_workspace(world.resources, "acme", STAFF, lambda change: erase_member(change, member_id))
    assert (await world.rows("recovery_requests"), await world.rows("limited_sessions")) == ([], [])


async def _renamed(world: World) -> UUID:
    """Ada, who proved her former address and whom the provider has called by another since. Returns the member's id."""
    member_id = (await world.sign_in(Proven(email="ada.king@acme.example"))).member_id
    await world.pool.execute(
        "update identity.users set email = 'Ada.Byron@acme.example', email_key = 'ada.byron@acme.example'"
        " where user_id = (select user_id from identity.members where member_id = $1)",
        member_id,
    )
    assert member_id is not None
    return member_id


async def _leave_traces(world: World, address: str) -> None:
    """Leave what an address leaves: links, mails, requests, refusals, invitations, here and at no workspace."""
    parsed = parse_address(address)
    await request_magic_link(world.resources, parsed)
    await request_recovery(world.resources, "acme", parsed, "AAAA-AAAA-AAAA-AAAA")
    await world.invitation(address, status="revoked")
    async with transaction(world.pool) as connection:
        await enqueue(connection, world.resources.box, Mail("owner_notice", address, {}, "acme"), world.clock.now)
        await keep_conflict(connection, "acme", Proven(email=address, subject="00u-x"), "req_1", world.clock.now)
        for workspace in ("acme", ""):
            row = SignIn(world.clock.now, workspace, "magic_link", "switch_unconfirmed", "req_1", email=address)
            await record(connection, row)


async def _holding(world: World, text: str) -> set[str]:
    """Return the tables in which the text stands."""
    names = await world.pool.fetch("select tablename::text from pg_tables where schemaname = 'identity'")
    return {
        name
        for (name,) in names
        if await world.pool.fetchval(
            f"select exists (select from identity.{name} t where position($1 in lower(t::text)) > 0)", text
        )
    }


async def test_the_address_that_was_proven_goes_too_where_the_provider_calls_the_person_otherwise(world: World) -> None:
    """Nothing in any table tells it, nor the one of now."""
    member_id = await _renamed(world)
    for address in ("Ada.Byron@acme.example", "ada.king@acme.example"):
        await _leave_traces(world, address)
    assert {"magic_links", "outbox", "sign_ins", "invitations", "identity_conflicts"} <= await _holding(world, "byron")
    await change_workspace(world.resources, "acme", STAFF, lambda change: erase_member(change, member_id))
    assert (await _holding(world, "ada.byron"), await _holding(world, "ada.king")) == (set(), set())


async def test_what_another_member_has_by_that_address_now_stays_theirs(world: World) -> None:
    member_id = await _renamed(world)
    other = await world.member("ada.byron@acme.example")
    await _leave_traces(world, "ada.byron@acme.example")
    before = await _holding(world, "ada.byron")
    await change_workspace(world.resources, "acme", STAFF, lambda change: erase_member(change, member_id))
    assert before - await _holding(world, "ada.byron") <= {"users"}
    assert await world.pool.fetchval("select email from identity.members where member_id = $1", other)
