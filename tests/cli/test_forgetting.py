"""``keyledger person`` and what goes with it: forgetting, restoring, rotating keys, checking; exports with names."""

import json
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from support import stranger
from support.command_line import CommandLine
from support.database import Pool, TestDatabase
from support.identity_world import KEY
from support.management import Management

from events.catalogue.configuration import WorkspaceRegistered
from events.catalogue.credentials import SecretsShredded
from events.envelope import SYSTEM, Context, NewEvent
from events.names import Names
from events.sealing import KeyRing
from events.secrets import SecretVault
from events.store import EventStore
from events.verify import verify_log

ADA, GRACE = "ada@acme.example", "Grace Hopper"
ROTATED = "IB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE="
FORMER = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
REASON = ("--reason", "asked us to")


@pytest.fixture
async def asked(api: Management) -> Management:
    """A workspace in whose history two people are named."""
    await api.register(requested_by=ADA)
    await api.post("/workspaces/acme/events", {"type": "JitDisabled", "requested_by": GRACE})
    return api


async def test_whom_events_name_is_listed_with_how_many_do(asked: Management, operator: CommandLine) -> None:
    listed = (await operator.done("person", "list", "--json")).json["items"]
    assert {one["name"]: one["events"] for one in listed} == {"ada-support": 3, ADA: 1, GRACE: 1}
    (found,) = (await operator.done("person", "list", "HOPPER", "--json")).json["items"]
    assert (found["name"], found["id"]) == (GRACE, await asked.names.find(GRACE))
    assert (await operator.done("person", "list", "--forgotten")).out == ""


async def test_a_forgotten_person_is_a_placeholder_in_every_verb_and_the_log_verifies(
    asked: Management, command: CommandLine, operator: CommandLine
) -> None:
    id_ = str(await asked.names.find(ADA))
    assert f"token ada-support for {ADA}" in (await command.done("history", "acme")).out
    said = (await operator.done("person", "forget", ADA, *REASON)).out
    assert said.startswith(f"{id_} is forgotten. Events that name this person: 1;")
    assert "token ada-support for (forgotten)" in (await command.done("history", "acme")).out
    assert f"for {GRACE}" in (await command.done("diff", "acme", "1")).out
    assert (await operator.done("person", "list", "--forgotten")).out == f"{id_}\n"
    assert (await operator.done("verify", "--json")).json["holds"]
    assert (await operator.done("check", "--json")).json["names"] == []
    for kind in ("proof", "csv"):
        assert ADA not in (await command.done("export", "acme", "--format", kind)).out
    assert "was forgotten before" in (await operator.done("person", "forget", id_, *REASON)).out
    (event,) = [one for one in await asked.store.read_stream("$system") if one.type == "NameShredded"]
    assert (event.data, event.reason) == ({"name_id": id_}, "asked us to")
    shown = await asked.names.show([event.actor.id])
    assert shown[event.actor.id] not in {"(unknown)", "(forgotten)"}


async def test_a_forgotten_holders_token_is_listed_without_the_name(asked: Management, operator: CommandLine) -> None:
    """It is revoked; whose it was, nobody can say."""
    said = (await operator.done("person", "forget", "ada-support", *REASON)).out
    assert "tokens of theirs that are revoked: 1" in said
    (line,) = (await operator.done("token", "list", "--json")).json["items"]
    assert (line["name"], line["status"]) == ("(forgotten)", "revoked")
    assert "ada-support" not in (await operator.done("token", "list")).out
    await asked.get("/workspaces", 401)


async def test_a_mistake_is_told_with_what_was_probably_meant(asked: Management, operator: CommandLine) -> None:
    """A name with a typo forgets nobody; a verb with a typo is none; a reason is given, and names nobody."""
    said = await operator.refused("person", "forget", "ada@acme.exampl", *REASON)
    assert f"Did you mean {ADA}?" in said
    assert "[not_found]" in said
    assert "forget" in await operator.mistaken("person", "forgett", ADA, *REASON)
    assert "--reason" in await operator.mistaken("person", "forget", ADA)
    assert "--reason" in await operator.mistaken("person", "forget", ADA, "--reason", " ")
    assert "holds the name" in await operator.refused("person", "forget", ADA, "--reason", f"for {ADA}")
    assert await asked.names.find(ADA) is not None


async def test_what_is_kept_for_ever_in_clear_is_said_where_it_is_typed(command: CommandLine) -> None:
    text = " ".join((await command.done("domain", "add", "--help")).out.split())
    assert "name nobody" in text
    assert (await command.refused("jit", "off", "acme", "--requested-by", "~ada")).count("does not begin with ~") == 1


async def test_keys_are_rotated_and_names_open_under_the_newest(
    asked: Management, operator: CommandLine, pool: Pool
) -> None:
    id_ = str(await asked.names.find(ADA))
    await operator.done("rotate-keys", KEYLEDGER_SECRET_KEYS=f"{ROTATED},{FORMER}")
    found = (await operator.done("person", "list", ADA, "--json", KEYLEDGER_SECRET_KEYS=ROTATED)).json["items"]
    assert [one["id"] for one in found] == [id_]
    assert await Names(pool, KeyRing([KEY])).show([id_]) == {id_: "(unreadable)"}


async def test_a_swapped_name_is_found_by_the_check(
    asked: Management, operator: CommandLine, command: CommandLine, database: TestDatabase
) -> None:
    """It is shown as such and never passes for the name; the log itself holds."""
    ada, grace = await asked.names.find(ADA), await asked.names.find(GRACE)
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute(
        "update ledger.names n set sealed = o.sealed from ledger.names o"
        " where n.name_id = any($1) and o.name_id = any($1) and o.name_id <> n.name_id",
        [ada, grace],
    )
    await owner.close()
    run = await operator("check")
    assert run.code == 1
    assert str(ada) in run.out
    assert str(grace) in run.out
    assert "token ada-support for (unreadable)" in (await command.done("history", "acme")).out
    assert (await operator.done("verify", "--json")).json["holds"]


async def test_after_a_restore_who_was_forgotten_is_forgotten_again(
    asked: Management, operator: CommandLine, database: TestDatabase, tmp_path: Path
) -> None:
    """Of whom the restored log tells it, and of whom a kept list does; of these the log learns."""
    owner = await asyncpg.connect(database.owner_dsn)
    kept = [tuple(row) for row in await owner.fetch("select name_id, digest, sealed from ledger.names")]
    ada, grace = str(await asked.names.find(ADA)), str(await asked.names.find(GRACE))
    await operator.done("person", "forget", ADA, *REASON)
    # The tables of an older backup beside a newer log, and a person who was forgotten after both.
    await owner.executemany(
        "update ledger.names set digest = $2, sealed = $3, shredded_at = null where name_id = $1", kept
    )
    await owner.close()
    assert await asked.names.show([ada, grace]) == {ada: ADA, grace: GRACE}
    assert (await operator("check")).code == 1
    listed = tmp_path / "forgotten.txt"
    listed.write_text(f"# beside the backups\n{ada}\n\n{grace}\n~{'A' * 43}\n")
    done = (await operator.done("restored", "--reason", "disk lost", "--shredded", str(listed), "--json")).json
    assert (done["names"], done["secrets"]) == (2, 0)
    assert await asked.names.show([ada, grace]) == {ada: "(forgotten)", grace: "(forgotten)"}
    events = [event for event in await asked.store.read_stream("$system") if event.type == "NameShredded"]
    assert [event.data["name_id"] for event in events] == [ada, grace]
    assert (await operator.done("check", "--json")).json["names"] == []
    assert (await verify_log(EventStore(asked.pool))).fault is None


async def test_secrets_that_the_log_tells_to_be_shredded_are_shredded_again(operator: CommandLine, pool: Pool) -> None:
    """Of that workspace alone, and also where the log is all that there is of the workspace, which is told."""
    vault, store = SecretVault(pool, KeyRing([KEY])), EventStore(pool)
    for slug in ("acme", "other"):
        async with pool.acquire() as connection:
            await vault.seal(connection, slug, "c-1", SecretStr("a client's secret"))
    data = [WorkspaceRegistered(slug="acme", name="Acme", plan="one"), SecretsShredded(data_key_ids=["k1"])]
    prepared = store.prepare([NewEvent.of(one) for one in data], Context(SYSTEM))
    await store.append("acme", 0, prepared)
    run = await operator("restored", "--reason", "disk lost", "--json")
    assert (run.json["secrets"], [one["workspace"] for one in run.json["left"]["first"]]) == (1, ["acme"])
    for table in ("secrets", "data_keys"):
        assert [row[0] for row in await pool.fetch(f"select stream_id from ledger.{table}")] == ["other"]


async def test_a_list_with_a_line_that_is_no_id_changes_nothing(
    operator: CommandLine, pool: Pool, tmp_path: Path
) -> None:
    listed = tmp_path / "forgotten.txt"
    listed.write_text(f"~{'A' * 43}\n{ADA}\n")
    said = await operator.refused("restored", "--reason", "disk lost", "--shredded", str(listed))
    assert "Line 2" in said
    assert ADA not in said
    assert await pool.fetchval("select max(epoch) from ledger.epochs") == 1


async def test_an_export_with_names_is_checked_by_whoever_holds_it(
    asked: Management, command: CommandLine, tmp_path: Path
) -> None:
    """By this program and by a stranger's; a name that was changed in the file is told at the first event of it."""
    file = tmp_path / "acme.json"
    await command.done("export", "acme", "--names", "-o", str(file))
    stranger.check(file.read_text())
    told = (await command.done("verify", str(file), "--json")).json
    assert sorted(told["names"].values()) == [GRACE, "ada-support", ADA]
    assert GRACE in (await command.done("verify", str(file))).out
    changed = json.loads(file.read_text())
    changed["names"][await asked.names.find(GRACE)]["name"] = "Eve"
    file.write_text(json.dumps(changed))
    with pytest.raises(stranger.Wrong) as wrong:
        stranger.check(file.read_text())
    run = await command("verify", str(file), "--json")
    assert (run.code, run.json["position"]) == (1, wrong.value.position)
    assert run.json["position"] == changed["events"][1]["position"]
    assert "another name" in run.json["problem"]
    assert "--names" in await command.mistaken("export", "acme", "--names", "--format", "csv")
