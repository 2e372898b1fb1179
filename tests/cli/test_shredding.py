"""``keyledger secrets shred``: a closed workspace's secrets are gone for good, and its history verifies."""

import asyncpg
import pytest
from pydantic import SecretStr
from support.command_line import CommandLine
from support.database import TestDatabase
from support.identity_world import KEY
from support.management import OPERATOR, Management
from support.sealed import CLIENT_SECRET, holders, opened, types, with_secret

from events.envelope import Actor, Context
from events.refusals import Refusal
from events.sealing import KeyRing
from events.secrets import SecretVault
from service.shredding import WorkspaceShredded, shred_secrets

REASON = ("--reason", "contract ended")
SHREDDED = "SecretsShredded"


async def shred(api: Management, slug: str, context: Context = OPERATOR) -> WorkspaceShredded:
    return await shred_secrets(api.commands.resources.identity, SecretVault(api.pool, KeyRing([KEY])), slug, context)


async def test_a_closed_workspaces_secrets_are_gone_its_history_verifies_and_others_keep_theirs(
    api: Management, command: CommandLine, operator: CommandLine
) -> None:
    await with_secret(api, "acme")
    await with_secret(api, "other", closed=True)
    before = await api.pool.fetch("select canonical, hash from ledger.events order by position")
    closed = await command.done("workspace", "close", "acme", *REASON)
    assert "WorkspaceClosed" in closed.out
    assert "keyledger secrets shred acme" in closed.err
    (key,) = await api.pool.fetch("select data_key_id::text from ledger.data_keys where stream_id = 'acme'")
    assert await opened(api.pool, "acme") == CLIENT_SECRET
    done = (await operator.done("secrets", "shred", "acme", *REASON, "--json")).json
    assert (done["changed"], done["data_key_ids"], done["secrets"]) == (True, [key[0]], 1)
    event = (await api.store.read_stream("acme"))[-1]
    assert (event.type, event.version) == (SHREDDED, done["version"])
    assert (event.data, event.reason, event.actor.type) == ({"data_key_ids": [key[0]]}, "contract ended", "operator")
    assert await holders(api) == {"secrets": ["other"], "data_keys": ["other"]}
    assert (await opened(api.pool, "acme"), await opened(api.pool, "other")) == (None, CLIENT_SECRET)
    after = await api.pool.fetch("select canonical, hash from ledger.events order by position")
    assert after[: len(before)] == before
    assert (await operator.done("verify", "--json")).json["holds"]
    assert "Live equals replay" in (await operator.done("check")).out
    assert "Destroyed the keys" in (await command.done("history", "acme")).out


async def test_who_kept_the_ciphertext_opens_it_no_more(api: Management, database: TestDatabase) -> None:
    """Nor where a new data key stands in the place of the one that is gone: the ciphertext is of that one."""
    await with_secret(api, "acme", closed=True)
    kept = await api.pool.fetchrow("select * from ledger.secrets")
    assert kept is not None
    await shred(api, "acme")
    superuser = await asyncpg.connect(database.superuser_dsn)
    await superuser.execute("insert into ledger.secrets values ($1, $2, $3, $4, $5, $6)", *kept.values())
    await superuser.close()
    assert await opened(api.pool, "acme") is None


@pytest.mark.parametrize("table", ["ledger.events", "ledger.data_keys"])
async def test_deletion_and_event_are_of_one_transaction_so_that_one_that_fails_undoes_the_other(
    api: Management, database: TestDatabase, table: str
) -> None:
    """As when the database fails at the append, or at the deletion."""
    await with_secret(api, "acme", closed=True)
    before = await types(api, "acme")
    when = "after insert" if table == "ledger.events" else "after delete"
    superuser = await asyncpg.connect(database.superuser_dsn)
    await superuser.execute(
        "create function public.fail() returns trigger language plpgsql as"
        " $$ begin raise exception 'the disk is full' using errcode = '53100'; end $$;"
        f" create trigger fails {when} on {table} for each row execute function public.fail()"
    )
    with pytest.raises(asyncpg.DiskFullError):
        await shred(api, "acme")
    assert await holders(api) == {"secrets": ["acme"], "data_keys": ["acme"]}
    assert await types(api, "acme") == before
    assert await opened(api.pool, "acme") == CLIENT_SECRET
    await superuser.execute(f"drop trigger fails on {table}")
    await superuser.close()
    assert (await shred(api, "acme")).changed
    assert await types(api, "acme") == [*before, SHREDDED]


async def test_an_open_workspace_keeps_its_secrets(api: Management, operator: CommandLine) -> None:
    await with_secret(api, "acme")
    said = await operator.refused("secrets", "shred", "acme", *REASON)
    assert "Close it first" in said
    assert "[not_ready]" in said
    assert await opened(api.pool, "acme") == CLIENT_SECRET
    assert SHREDDED not in await types(api, "acme")


async def test_shredding_again_records_nothing_and_deletes_what_came_back(
    api: Management, operator: CommandLine
) -> None:
    """A workspace that never had a secret has nothing to shred."""
    await with_secret(api, "acme", closed=True)
    await api.register("bare")
    await api.record("bare", "WorkspaceClosed")
    assert "are shredded" in (await operator.done("secrets", "shred", "acme", *REASON)).out
    recorded = await types(api, "acme")
    assert (await operator.done("secrets", "shred", "acme", *REASON)).out == "acme has no secrets.\n"
    assert (await operator.done("secrets", "shred", "bare", *REASON)).out == "bare has no secrets.\n"
    # As an older backup of the tables alone would have it.
    async with api.pool.acquire() as connection:
        await api.commands.resources.vault.seal(connection, "acme", "c-1", SecretStr(CLIENT_SECRET))
    assert "Deleted again: 1 client secrets" in (await operator.done("secrets", "shred", "acme", *REASON)).out
    assert await holders(api) == {"secrets": [], "data_keys": []}
    assert await types(api, "acme") == recorded
    assert await types(api, "bare") == ["WorkspaceRegistered", "WorkspaceClosed"]


async def test_after_a_restore_the_secrets_are_shredded_again_by_the_same_function(
    api: Management, operator: CommandLine, database: TestDatabase
) -> None:
    """The rows of an older backup beside a log that tells of the shredding."""
    await with_secret(api, "acme", closed=True)
    await with_secret(api, "other", closed=True)
    tables = ("ledger.data_keys", "ledger.secrets")
    kept = {table: await api.pool.fetch(f"select * from {table} where stream_id = 'acme'") for table in tables}
    await operator.done("secrets", "shred", "acme", *REASON)
    superuser = await asyncpg.connect(database.superuser_dsn)
    for table, rows in kept.items():
        for row in rows:
            places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
            await superuser.execute(f"insert into {table} values ({places})", *row.values())
    await superuser.close()
    assert await opened(api.pool, "acme") == CLIENT_SECRET
    assert (await operator.done("restored", "--reason", "disk lost", "--json")).json["secrets"] == 1
    assert (await opened(api.pool, "acme"), await opened(api.pool, "other")) == (None, CLIENT_SECRET)
    assert await holders(api) == {"secrets": ["other"], "data_keys": ["other"]}


async def test_no_token_shreds_and_nobody_but_an_operator_may_decide_it(api: Management) -> None:
    """It is not emitted by the API, whatever the token; the decision refuses every other actor, and deletes nothing."""
    await with_secret(api, "acme", closed=True)
    body = {"type": SHREDDED, "data": {"data_key_ids": ["k1"]}}
    for role in ("auditor", "support", "operator"):
        token = await api.new_token(f"a-{role}", role)
        problem = await api.post("/workspaces/acme/events", body, 403, **token)
        assert problem["code"] == "forbidden"
        assert ("keyledger secrets shred" in problem["detail"]) is (role != "auditor")
    for kind in ("token", "staff", "member", "setup"):
        with pytest.raises(Refusal) as refused:
            await shred(api, "acme", Context(Actor(kind, "ada"), reason="for fun"))
        assert refused.value.code == "forbidden"
    assert await opened(api.pool, "acme") == CLIENT_SECRET
    assert SHREDDED not in await types(api, "acme")


async def test_a_mistake_is_told_with_what_was_probably_meant(api: Management, operator: CommandLine) -> None:
    """A slug with a typo shreds nothing; a verb with a typo is none; a reason is given."""
    await with_secret(api, "acme", closed=True)
    said = await operator.refused("secrets", "shred", "acmee", *REASON)
    assert "There is no workspace acmee. Did you mean acme?" in said
    assert "[workspace_unknown]" in said
    assert "keyledger workspace list" in await operator.refused("secrets", "shred", "$system", *REASON)
    assert "shred" in await operator.mistaken("secrets", "shredd", "acme", *REASON)
    assert "--reason" in await operator.mistaken("secrets", "shred", "acme")
    assert "--reason" in await operator.mistaken("secrets", "shred", "acme", "--reason", " ")
    text = " ".join((await operator.done("secrets", "shred", "--help")).out.split())
    assert "Example: keyledger secrets shred acme" in text
    assert await opened(api.pool, "acme") == CLIENT_SECRET
