"""Operator's verbs work on the database: migrations, tokens, the check of the log, read models, keys."""

import pytest
from support.command_line import CommandLine, bare_environment
from support.database import Pool, TestDatabase


async def test_a_token_is_printed_alone_and_opens_the_api(operator: CommandLine, pool: Pool) -> None:
    """``token create`` prints nothing but the token; token list and the log know everything but the token."""
    made = await operator.done(
        "token", "create", "grace", "--role", "support", "--days", "30", "--reason", "new colleague"
    )
    token = made.out.strip()
    assert made.out == f"{token}\n"
    assert token.startswith("klt_")
    assert token not in made.err
    listed = await operator.done("token", "list")
    assert token not in listed.out
    (line,) = (await operator.done("token", "list", "--json")).json["items"]
    assert (line["name"], line["role"], line["status"]) == ("grace", "support", "good")
    row = await pool.fetchrow("select body from ledger.events where type = 'ApiTokenCreated'")
    assert row is not None
    assert "new colleague" in row["body"]
    assert token not in row["body"]


async def test_a_token_is_revoked_by_its_name(operator: CommandLine) -> None:
    """Revoking twice says that it was revoked; an unknown name is refused, a taken one too."""
    await operator.done("token", "create", "grace", "--role", "auditor")
    assert "is revoked" in (await operator.done("token", "revoke", "grace")).out
    assert "was revoked already" in (await operator.done("token", "revoke", "grace")).out
    assert "no token of this name" in await operator.refused("token", "revoke", "nobody")
    assert "never used again" in await operator.refused("token", "create", "grace", "--role", "support")


async def test_the_log_is_verified(operator: CommandLine, pool: Pool, owner_pool: Pool) -> None:
    """``verify`` counts what holds; a changed event ends with 1 and names its position."""
    await operator.done("token", "create", "grace", "--role", "support")
    await operator.done("token", "create", "irene", "--role", "auditor")
    assert "The log holds: 2 events in 1 streams." in (await operator.done("verify")).out
    async with owner_pool.acquire() as connection, connection.transaction():
        await connection.execute("alter table ledger.events disable trigger user")
        await connection.execute(
            "update ledger.events set canonical = replace(canonical, 'auditor', 'support')"
            " where canonical like '%auditor%'"
        )
        await connection.execute("alter table ledger.events enable trigger user")
    position = await pool.fetchval("select max(position) from ledger.events")
    broken = await operator("verify", "--json")
    assert (broken.code, broken.json["holds"], broken.json["position"]) == (1, False, position)


async def test_keys_are_rotated(operator: CommandLine) -> None:
    """With nothing sealed there is nothing to wrap anew."""
    assert "0 data keys" in (await operator.done("rotate-keys")).out


async def test_migrate_can_be_repeated(empty_database: TestDatabase) -> None:
    """The first run applies all, the second nothing; before them other verbs say what to do."""
    command = CommandLine(
        {
            **bare_environment(),
            "KEYLEDGER_DATABASE_URL": empty_database.runtime_dsn,
            "KEYLEDGER_OWNER_DATABASE_URL": empty_database.owner_dsn,
            "KEYLEDGER_SECRET_KEYS": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        }
    )
    assert "keyledger migrate" in await command.refused("token", "list")
    first = (await command.done("migrate", "--json")).json["applied"]
    assert {one["set"] for one in first} == {"events", "projections", "service"}
    assert "up to date" in (await command.done("migrate")).out


@pytest.mark.parametrize(("name", "told"), [("timline", "Did you mean timeline?"), ("x", "There are:")])
async def test_an_unknown_projection_is_told_the_right_name(operator: CommandLine, name: str, told: str) -> None:
    """A typo does not rebuild anything."""
    assert told in await operator.refused("rebuild", name)


@pytest.mark.parametrize("name", ["timeline", "connections", "tree"])
async def test_a_projection_is_rebuilt(operator: CommandLine, name: str) -> None:
    """``rebuild`` says from how many events."""
    await operator.done("token", "create", "grace", "--role", "support")
    assert "is built again from" in (await operator.done("rebuild", name)).out


async def test_wrong_settings_are_told_without_their_values(operator: CommandLine) -> None:
    """A database that is not there, and a setting that is misspelt: one sentence each, no password."""
    said = await operator.refused(
        "token", "list", KEYLEDGER_DATABASE_URL="postgresql://app:planted-password@127.0.0.1:9/x"
    )
    assert "KEYLEDGER_DATABASE_URL" in said
    assert "planted-password" not in said
    assert "Did you mean KEYLEDGER_SECRET_KEYS?" in await operator.refused("token", "list", KEYLEDGER_SECRET_KEY="x")
