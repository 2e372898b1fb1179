"""``keyledger check`` names what stands in the tables although the log says that it was destroyed, and what to run."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from support.command_line import CommandLine
from support.database import Connection, TestDatabase
from support.identity_world import World
from support.management import Management
from support.sealed import with_secret

REASON = ("--reason", "asked us to")
TABLES = ("ledger.data_keys", "ledger.secrets")
ADA = "ada@acme.example"


@pytest.fixture
async def superuser(database: TestDatabase) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database.superuser_dsn)
    yield connection
    await connection.close()


async def put_back(superuser: Connection, table: str, rows: list[asyncpg.Record]) -> None:
    """Put rows where an older backup of this table has them."""
    for row in rows:
        places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        await superuser.execute(f"insert into {table} values ({places})", *row.values())


@pytest.mark.parametrize("standing", [TABLES, TABLES[:1], TABLES[1:]])
async def test_secrets_and_data_keys_that_stand_although_the_log_says_that_they_were_shredded(
    api: Management, operator: CommandLine, superuser: Connection, standing: tuple[str, ...]
) -> None:
    """Those of that workspace alone; the command that it names ends it."""
    await with_secret(api, "acme", closed=True)
    await with_secret(api, "other", closed=True)
    kept = {table: await superuser.fetch(f"select * from {table} where stream_id = 'acme'") for table in TABLES}
    await operator.done("secrets", "shred", "acme", *REASON)
    position = await api.pool.fetchval("select max(position) from ledger.events where stream_id = 'acme'")
    assert (await operator.done("check", "--json")).json["standing"] == []
    for table in standing:
        await put_back(superuser, table, kept[table])
    run = await operator("check", "--json")
    assert run.code == 1
    (found,) = run.json["standing"]
    counts = f"{int(TABLES[1] in standing)} client secrets and {int(TABLES[0] in standing)} data keys"
    assert (found["kind"], found["workspace"], found["position"]) == ("secrets", "acme", position)
    assert f"shredded at position {position}, and {counts} are there" in found["problem"]
    told = await operator("check", "acme")
    assert (told.code, "keyledger secrets shred acme --reason" in told.out) == (1, True)
    assert (await operator("check", "other")).code == 0
    await operator.done("secrets", "shred", "acme", *REASON)
    assert (await operator("check")).code == 0


async def test_a_member_who_stands_although_the_log_says_that_they_were_removed(
    api: Management, operator: CommandLine, command: CommandLine, superuser: Connection
) -> None:
    """Named by the opaque id alone, which is what the command takes."""
    await api.register()
    world = World(api.pool, clock=api.clock)
    member_id: UUID = await world.member(ADA, proven=True)
    tables = ("identity.users", "identity.members")
    kept = {table: await superuser.fetch(f"select * from {table}") for table in tables}
    await command.done("member", "remove", "acme", ADA, *REASON)
    assert (await operator("check")).code == 0
    await superuser.execute("delete from identity.members")
    for table in tables:
        await put_back(superuser, table, kept[table])
    run = await operator("check", "acme")
    assert run.code == 1
    assert f"keyledger member remove acme {member_id} --reason" in run.out
    assert ADA not in run.out
    await command.done("member", "remove", "acme", str(member_id), *REASON)
    assert (await operator("check")).code == 0


async def test_the_token_of_a_forgotten_person_that_stands_under_the_name(
    api: Management, operator: CommandLine, superuser: Connection
) -> None:
    """The name and its key are gone, and the row of the token has the name again."""
    await operator.done("token", "create", "grace", "--role", "support")
    id_ = await api.names.find("grace")
    kept = await superuser.fetch("select * from identity.api_tokens where name = 'grace'")
    await operator.done("person", "forget", "grace", *REASON)
    await superuser.execute("delete from identity.api_tokens where name_id = $1", id_)
    await put_back(superuser, "identity.api_tokens", kept)
    run = await operator("check")
    assert run.code == 1
    assert f"keyledger person forget {id_} --reason" in run.out
    assert "grace" not in run.out
    await operator.done("person", "forget", str(id_), *REASON)
    assert (await operator("check")).code == 0


async def test_a_token_that_opens_something_although_the_log_says_that_it_was_revoked(
    operator: CommandLine, superuser: Connection
) -> None:
    await operator.done("token", "create", "grace", "--role", "support")
    await operator.done("token", "revoke", "grace")
    assert (await operator("check")).code == 0
    await superuser.execute("update identity.api_tokens set revoked_at = null")
    run = await operator("check")
    assert run.code == 1
    assert "keyledger token revoke grace" in run.out
    await operator.done("token", "revoke", "grace")
    assert (await operator("check")).code == 0
