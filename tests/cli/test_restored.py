"""After a restore nothing that was handed out before opens anything, whatever the backup still holds of it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pydantic import SecretStr
from support.command_line import CommandLine
from support.database import Pool
from support.identity_world import TurnedClock, World
from support.sessions import open_by, user_of

from events.catalogue.access import RecoveryCodesIssued, SetupLinkIssued
from events.catalogue.instants import write_instant
from events.domains import parse_address
from service.db import transaction
from service.identity.limited_sessions import LimitedSession, begin_limited_session
from service.identity.magic_link import request_magic_link
from service.identity.recovery import request_recovery
from service.identity.setup_link import find_link, new_setup_token, setup_token_hash
from service.identity.spent import AttemptsSpent
from service.restored import STAYS, VOIDING
from service.tokens import find_principal

VOIDED = {column for columns in VOIDING.values() for column in columns}
REASON = ("--reason", "backup of last night, disk lost")
LOOKS_BEARING = """
    select table_name || '.' || column_name as name from information_schema.columns
    where table_schema = 'identity' and table_name in (select tablename from pg_tables where schemaname = 'identity')
      and (udt_name = 'bytea' or column_name ~ '(hash|hashes|token|secret|secrets|code|codes|digest|content|sealed)$')
"""


async def test_each_column_that_could_hold_what_somebody_comes_with_is_void_after_a_restore_or_stays_for_a_reason(
    pool: Pool,
) -> None:
    """A new table of sessions, links, codes or tokens has to say which."""
    found = {row["name"] for row in await pool.fetch(LOOKS_BEARING)}
    assert found - VOIDED - set(STAYS) == set()
    assert found >= VOIDED
    assert not VOIDED & set(STAYS)


async def handed_out(world: World) -> str:
    """Hand out one of everything. Returns the token of a set-up link."""
    owner, token = await world.member("ada@acme.example", "owner"), new_setup_token("acme")
    ends = world.clock.now + timedelta(hours=1)
    await open_by(world, await user_of(world, owner))
    # An owner's first sign-in by SSO is confirmed by a mail.
    assert (await world.sign_in()).status == "confirm_link"
    invitation = await world.invitation("grace@acme.example")
    await world.pool.execute(
        "update identity.invitations set link_hash = sha256('x') where invitation_id = $1", invitation
    )
    address = parse_address("ada@acme.example")
    await request_magic_link(world.resources, address)
    await request_recovery(world.resources, "acme", address, "AAAA-AAAA-AAAA-AAAA")
    async with transaction(world.pool) as connection:
        session = LimitedSession("recovery", "acme", owner, ends)
        await begin_limited_session(connection, session, world.clock.now)
    link = SetupLinkIssued(link_id=str(uuid4()), token_hash=setup_token_hash(token), expires_at=write_instant(ends))
    await world.append("acme", [link, RecoveryCodesIssued(member_id=str(owner), code_hashes=["a" * 64])])
    return token


async def held(pool: Pool) -> set[str]:
    """Return the columns of those that become void in which something stands."""
    found = set()
    for name in VOIDED:
        table, _, column = name.partition(".")
        if await pool.fetchval(f"select true from identity.{table} where {column} is not null limit 1"):
            found.add(name)
    return found


async def test_after_a_restore_sessions_links_attempts_codes_and_tokens_are_void(
    operator: CommandLine, pool: Pool
) -> None:
    world = World(pool, clock=TurnedClock(datetime.now(UTC)))
    await world.register()
    bearer = SecretStr((await operator.done("token", "create", "grace", "--role", "support")).out.strip())
    link = await handed_out(world)
    begun = datetime.now(UTC)
    assert await held(pool) == VOIDED
    told = (await operator.done("restored", *REASON, "--json")).json
    assert (told["tokens"], told["workspaces"]) == (1, 1)
    assert told["epoch"] >= int(begun.timestamp()), "a former epoch that the backup took away is not given again"
    # What waits in the outbox now are notices, and they hold nothing.
    assert await held(pool) == {"outbox.content"}
    kinds = await pool.fetch("select distinct kind from identity.outbox where content is not null")
    assert [row["kind"] for row in kinds] == ["owner_notice"]
    now = datetime.now(UTC)
    assert await find_principal(pool, bearer, now) is None
    assert await find_link(pool, link, now) is None
    assert (await world.workspace()).recovery_codes == frozenset()
    attempts = AttemptsSpent(pool)
    assert await attempts.spend(bytes(32), now + timedelta(days=1), begun) is False
    assert await attempts.spend(bytes(32), now + timedelta(days=1), now) is True
    assert (await world.event_types("$system"))[-2:] == ["LogRestored", "ApiTokenRevoked"]
    again = await operator.done("restored", *REASON)
    assert f"Epoch {await pool.fetchval('select max(epoch) from ledger.epochs')} begins" in again.out
    assert await pool.fetchval("select count(*) from ledger.epochs") == 3
    assert "of 0 workspaces" in again.out


async def test_why_a_backup_was_restored_is_said(operator: CommandLine, pool: Pool) -> None:
    assert (await operator("restored")).code == 2
    assert (await operator("restored", "--reason", " ")).code == 2
    assert await pool.fetchval("select max(epoch) from ledger.epochs") == 1


async def test_without_the_owners_database_nothing_is_changed(operator: CommandLine, pool: Pool) -> None:
    world = World(pool)
    await open_by(world, uuid4())
    runtime = operator.environment["KEYLEDGER_DATABASE_URL"]
    said = await operator.refused("restored", *REASON, KEYLEDGER_OWNER_DATABASE_URL=runtime)
    assert "KEYLEDGER_OWNER_DATABASE_URL" in said
    assert await held(pool) == {"sessions.session_hash"}
