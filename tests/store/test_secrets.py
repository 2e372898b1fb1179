"""The vault: secrets sealed with their event, opened when needed, rewrapped by rotation, and shredded for good."""

import os

import asyncpg
import pytest
from pydantic import SecretStr
from support.database import Pool, TestDatabase, on_both_servers
from support.ledger import record, register
from support.sealed import sealed_credentials

from events import secrets
from events.sealing import KeyRing, SealError, WrappingKeyMissing
from events.secrets import SecretVault
from events.store import EventStore
from events.verify import verify_log
from events.workspace import Workspace

SECRET = SecretStr("correct horse battery staple")
OLD, NEW = os.urandom(32), os.urandom(32)


async def with_credentials(pool: Pool, vault: SecretVault, slug: str = "acme", secret: SecretStr = SECRET) -> Workspace:
    """Return a workspace whose credentials hold a sealed secret."""
    store = EventStore(pool)
    state = await register(store, slug)
    async with pool.acquire() as connection, connection.transaction():
        event = await sealed_credentials(vault, connection, slug, secret)
    return await record(store, state, event)


async def opened(vault: SecretVault, state: Workspace) -> SecretStr | None:
    assert state.credentials is not None
    return await vault.open(state, state.credentials)


@on_both_servers
async def test_a_secret_is_opened_by_the_credentials_of_its_event(pool: Pool) -> None:
    state = await with_credentials(pool, SecretVault(pool, KeyRing([OLD])))
    assert await opened(SecretVault(pool, KeyRing([OLD])), state) == SECRET


async def test_the_database_and_the_log_hold_no_secret_in_clear(pool: Pool) -> None:
    await with_credentials(pool, SecretVault(pool, KeyRing([OLD])))
    for table in ("ledger.events", "ledger.secrets", "ledger.data_keys", "projection.connections"):
        text = await pool.fetchval(f"select string_agg(t::text, ' ') from {table} t")
        assert SECRET.get_secret_value() not in text
        assert SECRET.get_secret_value().encode().hex() not in text


async def test_a_secret_whose_event_was_not_recorded_is_not_kept(pool: Pool) -> None:
    vault = SecretVault(pool, KeyRing([OLD]))
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await vault.seal(connection, "acme", "c1", SECRET)
        await transaction.rollback()
    assert await pool.fetchval("select count(*) from ledger.secrets") == 0
    assert await pool.fetchval("select count(*) from ledger.data_keys") == 0


async def test_a_workspace_has_one_data_key_and_shares_it_with_no_other(pool: Pool) -> None:
    vault = SecretVault(pool, KeyRing([OLD]))
    await with_credentials(pool, vault, "acme")
    await with_credentials(pool, vault, "other")
    async with pool.acquire() as connection:
        await vault.seal(connection, "acme", "c2", SecretStr("second"))
    rows = await pool.fetch("select stream_id, count(distinct data_key_id) as keys from ledger.secrets group by 1")
    assert {row["stream_id"]: row["keys"] for row in rows} == {"acme": 1, "other": 1}
    assert await pool.fetchval("select count(*) from ledger.data_keys") == 2


@on_both_servers
async def test_rotation_rewraps_data_keys_and_touches_neither_secrets_nor_events(pool: Pool) -> None:
    states = [await with_credentials(pool, SecretVault(pool, KeyRing([OLD])), slug) for slug in ("acme", "other")]
    before = await pool.fetchval("select string_agg(s::text, ' ' order by secret_id) from ledger.secrets s")
    head = await EventStore(pool).head()
    both = SecretVault(pool, KeyRing([NEW, OLD]))
    assert await both.rewrap() == 2
    assert await both.rewrap() == 0
    assert await pool.fetchval("select string_agg(s::text, ' ' order by secret_id) from ledger.secrets s") == before
    assert await EventStore(pool).head() == head
    for state in states:
        assert await opened(SecretVault(pool, KeyRing([NEW])), state) == SECRET
        with pytest.raises(WrappingKeyMissing):
            await opened(SecretVault(pool, KeyRing([OLD])), state)


@on_both_servers
async def test_case_11_a_shredded_workspace_s_secrets_are_gone_and_its_history_still_verifies(pool: Pool) -> None:
    """Store case 11: shredding deletes keys and sealed bytes; no event changes, and others keep theirs."""
    vault = SecretVault(pool, KeyRing([OLD]))
    acme, other = await with_credentials(pool, vault, "acme"), await with_credentials(pool, vault, "other")
    assert await opened(vault, acme) == SECRET
    async with pool.acquire() as connection, connection.transaction():
        gone = await vault.shred(connection, "acme")
    assert (len(gone.data_key_ids), gone.secrets) == (1, 1)
    assert await opened(vault, acme) is None
    assert await opened(vault, other) == SECRET
    assert (await verify_log(EventStore(pool))).fault is None


async def test_a_vault_that_has_a_secret_open_forgets_it_within_a_minute(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process that shreds a secret closes it here too, after at most ``UNSEALED_S``."""
    monkeypatch.setattr(secrets, "UNSEALED_S", 0.0)
    here, elsewhere = SecretVault(pool, KeyRing([OLD])), SecretVault(pool, KeyRing([OLD]))
    state = await with_credentials(pool, here)
    assert await opened(here, state) == SECRET
    async with pool.acquire() as connection:
        await elsewhere.shred(connection, "acme")
    assert await opened(here, state) is None


async def test_the_vault_keeps_few_secrets_open(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "UNSEALED_MAXIMUM", 2)
    vault = SecretVault(pool, KeyRing([OLD]))
    for slug in ("one", "two", "three"):
        await opened(vault, await with_credentials(pool, vault, slug))
    assert len(vault._open) == 2


async def test_a_sealed_secret_swapped_in_the_database_is_refused(pool: Pool, database: TestDatabase) -> None:
    """Even one sealed rightly for the same place: the event names the digest of the bytes that it was recorded with."""
    vault = SecretVault(pool, KeyRing([OLD]))
    state = await with_credentials(pool, vault)
    other = await with_credentials(pool, vault, "other")
    assert state.credentials is not None
    assert other.credentials is not None
    superuser = await asyncpg.connect(database.superuser_dsn)
    await superuser.execute(
        "update ledger.secrets s set sealed = o.sealed from ledger.secrets o"
        " where s.secret_id::text = $1 and o.secret_id::text = $2",
        state.credentials.secret_id,
        other.credentials.secret_id,
    )
    await superuser.close()
    with pytest.raises(SealError, match="not the one"):
        await opened(vault, state)
