"""Nothing grows without a bound: every table is tidied up, or is kept for ever for a reason that stands in a list."""

from collections import Counter
from datetime import timedelta
from typing import Final

import pytest
from support.database import Pool
from support.identity_values import Proven
from support.identity_world import STAFF, World

from service.identity import housekeeping
from service.identity.change import change_workspace
from service.identity.housekeeping import Housekeeping
from service.identity.invitations import invite, revoke_invitation
from service.identity.removals import KEPT, REMOVALS, SIGN_INS, Removal

HASH: Final = "sha256(gen_random_uuid()::text::bytea)"
ID: Final = "gen_random_uuid()"
ADDRESS: Final = {"email": "'e@b.example'", "email_key": "'e@b.example'"}
PERSON: Final = {"workspace": "'acme'", "issuer": "'i'", "subject_scope": "''", "subject": "'s'", "verified": "true"}
NEW: Final = "$1"
"""Where an example's time begins."""


def put(table: str, **columns: str) -> str:
    """Return the statement that inserts these values."""
    return f"insert into identity.{table} ({', '.join(columns)}) select {', '.join(columns.values())}"


def mail(kind: str, content: str = "'sealed'", **columns: str) -> str:
    """Return the statement that puts a mail into the outbox."""
    values = {"kind": f"'{kind}'", "content": content, "recipient": "'e@b.example'"}
    return put("outbox", **values, created_at=NEW, next_attempt_at=NEW, **columns)


def message(given_up_at: str) -> str:
    """Return the statement that makes a webhook with a message."""
    columns = {"url": "''", "description": "''", "secret": "''", "position": "0", "epoch": "1", "created_at": NEW}
    hook = put("webhooks", webhook_id=ID, **columns)
    values = {"webhook_id": "webhook_id", "position": "1", "stream_id": "'acme'", "next_attempt_at": NEW}
    told = put("webhook_messages", **values, given_up_at=given_up_at)
    return f"with hook as ({hook} returning webhook_id) {told} from hook"


EXAMPLES: Final[dict[str, tuple[str, timedelta]]] = {
    "spent attempts": (put("spent_attempts", attempt_hash=HASH, expires_at=NEW), timedelta()),
    "sessions": (
        put("sessions", session_hash=HASH, data="'{}'", created_at=NEW, last_seen_at=NEW, absolute_expires_at=NEW),
        timedelta(),
    ),
    "limited sessions": (
        put(
            "limited_sessions",
            session_hash=HASH,
            kind="'setup'",
            workspace="'acme'",
            holder=ID,
            begun_at=NEW,
            expires_at=NEW,
        ),
        timedelta(),
    ),
    "recovery requests": (
        put(
            "recovery_requests",
            token_hash=HASH,
            workspace="'acme'",
            email_key="'e@b.example'",
            code_hashes="'{}'",
            created_at=NEW,
            expires_at=NEW,
        ),
        timedelta(),
    ),
    "idempotency keys": (
        put(
            "idempotency",
            principal="'token:x'",
            workspace="'acme'",
            key="'k'",
            mac="''",
            status="0",
            answer="'{}'",
            created_at=NEW,
        ),
        timedelta(days=1),
    ),
    "link confirmations": (
        put(
            "link_confirmations",
            token_hash=HASH,
            member_id="member_id",
            email="'e@b.example'",
            created_at=NEW,
            expires_at=NEW,
            **PERSON,
        )
        + " from identity.members",
        timedelta(days=1),
    ),
    "magic links": (
        put("magic_links", token_hash=HASH, created_at=NEW, expires_at=NEW, **ADDRESS),
        timedelta(hours=1),
    ),
    "identity conflicts": (
        put("identity_conflicts", request_id="'r'", at=NEW, **PERSON, **ADDRESS),
        timedelta(days=30),
    ),
    "mails": (mail("invitation", "null", sent_at=NEW), timedelta(days=30)),
    "mails with magic links": (mail("magic_link"), timedelta(days=1)),
    "mails that never went out": (mail("owner_notice"), timedelta(days=90)),
    "invitations": (
        put(
            "invitations",
            invitation_id=ID,
            workspace="'acme'",
            role="'viewer'",
            status="'replaced'",
            invited_by="'staff:x'",
            created_at=NEW,
            expires_at=NEW,
            **ADDRESS,
        ),
        timedelta(days=30),
    ),
    "dead letters": (message(NEW), timedelta(days=30)),
    "waiting webhook messages": (message("null"), timedelta(days=30)),
}
"""A row of each kind whose time begins at $1, and how long it stays from then on."""


async def tidy(world: World, **settings: int) -> Counter[str]:
    """Run a round. Returns how many rows of which kind it removed."""
    removed = Counter[str]()

    def take(what: str, rows: int) -> None:
        removed[what] += rows

    assert await Housekeeping(world.pool, world.clock, timedelta(days=3650), take, **settings).tidy_up()
    return removed


async def test_every_table_is_tidied_up_or_kept_for_ever_for_a_reason(owner_pool: Pool) -> None:
    """A table that is added has to say which: in ``REMOVALS``, or in ``KEPT`` with the reason."""
    rows = await owner_pool.fetch(
        "select schemaname || '.' || tablename as name from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    removed = {removal.table for removal in REMOVALS} | {SIGN_INS}
    assert {row["name"] for row in rows} == removed | set(KEPT)
    assert removed & set(KEPT) == set()
    assert all(KEPT.values())


def test_every_removal_has_an_example_here_and_a_name_of_its_own() -> None:
    assert [removal.what for removal in REMOVALS] == list(dict.fromkeys(removal.what for removal in REMOVALS))
    assert {removal.what for removal in REMOVALS} == set(EXAMPLES)


@pytest.mark.parametrize("what", EXAMPLES)
async def test_what_has_served_its_time_goes_and_not_before(world: World, what: str) -> None:
    insert, stays = EXAMPLES[what]
    await world.member()
    begins = world.clock.now
    await world.pool.execute(insert, begins)
    world.clock.now = begins + stays - timedelta(seconds=1)
    assert await tidy(world) == {}
    world.clock.now = begins + stays
    assert await tidy(world) == {what: 1}
    assert await tidy(world) == {}


async def test_more_than_a_batch_goes_in_one_round(world: World) -> None:
    for _ in range(10):
        await world.pool.execute(EXAMPLES["spent attempts"][0], world.clock.now)
    assert await tidy(world, at_once=3) == {"spent attempts": 10}


async def test_a_kind_that_cannot_be_removed_keeps_none_of_the_others_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Removal("broken", "identity.nowhere", "true")
    monkeypatch.setattr(housekeeping, "REMOVALS", (broken, *REMOVALS))
    await world.pool.execute(EXAMPLES["sessions"][0], world.clock.now)
    assert await tidy(world) == {"sessions": 1}


async def test_a_message_that_waited_too_long_is_a_dead_letter_first(world: World) -> None:
    """So that somebody sees that it was not taken, and can have it sent again for a month."""
    await world.pool.execute(EXAMPLES["waiting webhook messages"][0], world.clock.now)
    world.clock.turn(days=30)
    await tidy(world)
    (row,) = await world.rows("webhook_messages")
    assert (row["given_up_at"], row["last_error"]) == (world.clock.now, "it waited for thirty days")
    world.clock.turn(days=30)
    assert await tidy(world) == {"dead letters": 1}


async def test_an_invitation_that_suspends_just_in_time_creation_does_so_for_ever(world: World) -> None:
    """Also after it was revoked years ago; those before it are not needed for that."""
    for role in ("viewer", "editor"):
        await change_workspace(world.resources, "acme", STAFF, lambda c, r=role: invite(c, "ada@acme.example", r))  # type: ignore[misc]
    (one,) = [row["invitation_id"] for row in await world.rows("invitations") if row["status"] == "open"]
    await change_workspace(world.resources, "acme", STAFF, lambda change: revoke_invitation(change, one))
    world.clock.turn(days=3000)
    assert (await tidy(world))["invitations"] == 1
    assert [row["status"] for row in await world.rows("invitations")] == ["revoked"]
    assert (await world.sign_in(Proven())).reason == "invitation_required"


async def test_an_accepted_invitation_is_not_needed_to_come_again(world: World) -> None:
    await change_workspace(world.resources, "acme", STAFF, lambda change: invite(change, "ada@acme.example", "viewer"))
    assert (await world.sign_in()).how == "invited"
    world.clock.turn(days=60)
    assert (await tidy(world))["invitations"] == 1
    assert (await world.sign_in()).how == "known"
