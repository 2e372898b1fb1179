"""What the database fixtures promise to every other test."""

import asyncpg
import pytest
from support.database import Pool, TestDatabase, on_both_servers


@on_both_servers
async def test_each_role_connects_as_itself(owner_pool: Pool, pool: Pool) -> None:
    assert await owner_pool.fetchval("SELECT current_user") == "keyledger_owner"
    assert await pool.fetchval("SELECT current_user") == "keyledger_app"


async def test_the_runtime_role_cannot_make_tables(pool: Pool) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute("CREATE TABLE public.mine (id int)")


@pytest.mark.parametrize("turn", [1, 2])
async def test_no_test_sees_another_ones_rows(owner_pool: Pool, turn: int) -> None:
    await owner_pool.execute("CREATE SCHEMA own; CREATE TABLE own.turns (turn int)")
    await owner_pool.execute("INSERT INTO own.turns VALUES ($1)", turn)
    assert await owner_pool.fetchval("SELECT count(*) FROM own.turns") == 1


def test_a_test_without_an_event_loop_has_a_database_too(database: TestDatabase) -> None:
    assert database.name in database.runtime_dsn
