"""Proof by command: checkpoints, the check of the log and of its read models, and files checked without anything."""

import base64
import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support import stranger
from support.command_line import CommandLine, bare_environment
from support.database import Pool, TestDatabase
from support.identity_world import KEY
from support.management import Management
from support.tampering import Superuser

from events.notes import NoteKey, NoteSigner, sign_note
from events.sealing import KeyRing
from events.signed import latest_checkpoint
from events.signing import SigningKeys
from service.cli.client import Refused
from service.cli.proof_files import verify_file

EDIT = "update ledger.events set canonical = replace(canonical, 'acme.example', 'evil.example')"

EDIT_ROW = """
    update projection.connections set document = replace(document::text, 'acme.example', 'evil.example')::jsonb
"""


@pytest.fixture
def keeper(operator: CommandLine) -> CommandLine:
    """The operator of the server under test: the same secret keys."""
    operator.environment |= {"KEYLEDGER_SECRET_KEYS": base64.b64encode(KEY).decode()}
    return operator


@pytest.fixture
def alone(tmp_path: Path) -> CommandLine:
    """A machine with the program and files, and nothing else: no database, no server, no key."""
    return CommandLine({**bare_environment(), "HOME": str(tmp_path)})


async def test_a_holder_checks_an_export_without_database_and_server(
    command: CommandLine, api: Management, alone: CommandLine, tmp_path: Path
) -> None:
    """One file; the program, and a stranger's program, say that it holds, and where it does not once it was changed."""
    await api.register()
    await api.record("acme", "DomainAdded", {"domain": "acme.example"})
    file = tmp_path / "acme.json"
    await command.done("export", "acme", "-o", str(file))
    said = await alone.done("verify", str(file))
    assert "The history of acme holds: 2 events" in said.out
    assert "Compare this key" in said.err
    stranger.check(file.read_text("utf-8"))
    document = json.loads(file.read_text("utf-8"))
    assert "# A workspace's history that proves itself" in document["description"]
    assert verify_file(file, None, [NoteKey.parse(document["key"])])["holds"]
    changed = tmp_path / "changed.json"
    changed.write_text(file.read_text("utf-8").replace("acme.example", "evil.example"), "utf-8")
    broken = await alone("verify", str(changed))
    assert broken.code == 1
    assert f"at position {document['events'][1]['position']}, edited" in broken.out
    changed.write_text("{}", "utf-8")
    assert "not a whole file" in await alone.refused("verify", str(changed))
    with pytest.raises(Refused, match="cannot be read"):
        verify_file(tmp_path / "none.json", None, [])


async def test_an_earlier_export_shows_what_was_done_since(
    command: CommandLine, api: Management, alone: CommandLine, tmp_path: Path, database: TestDatabase
) -> None:
    """Made for the earlier file, the later one proves that the whole log only grew; a rewritten one is told."""
    await api.register()
    await api.record("acme", "DomainAdded", {"domain": "acme.example"})
    earlier, later = tmp_path / "earlier.json", tmp_path / "later.json"
    await command.done("export", "acme", "-o", str(earlier))
    await api.record("acme", "JitDisabled")
    await command.done("export", "acme", "-o", str(later))
    assert verify_file(later, earlier, [])["grown"] is False
    await command.done("export", "acme", "--since", str(earlier), "-o", str(later))
    assert "only grew" in (await alone.done("verify", str(later), "--since", str(earlier))).out
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do(EDIT)
        await superuser.write_anew()
        await superuser.forget_the_tree()
    await command.done("export", "acme", "-o", str(later))
    assert verify_file(later, None, [])["holds"]
    told = verify_file(later, earlier, [])
    assert (told["holds"], told["kind"]) == (False, "edited")
    assert told["position"] == json.loads(earlier.read_text("utf-8"))["events"][1]["position"]


async def test_the_operator_signs_publishes_and_checks(
    keeper: CommandLine, api: Management, tmp_path: Path, database: TestDatabase
) -> None:
    """A checkpoint on demand, in a directory of its own file; the log is held against it, and a fork is told."""
    published = tmp_path / "published"
    await api.register()
    await api.record("acme", "DomainAdded", {"domain": "acme.example"})
    made = await keeper.done("checkpoint", KEYLEDGER_CHECKPOINT_DIR=str(published))
    (file,) = published.iterdir()
    assert file.read_text("utf-8") == made.out
    key = made.err.partition("Public key: ")[2].strip()
    assert key.startswith("127.0.0.1:8080/log+")
    held = (await keeper.done("verify", "--since", str(published), "--key", key)).out
    assert "The log holds: 4 events in 2 streams." in held
    assert "Checkpoints that agree: 2. The last one covers 4 events." in held
    assert (await keeper.done("verify", "--workspace", "acme", "--json")).json["events"] == 2
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do(EDIT, EDIT_ROW)
        await superuser.write_anew()
        await superuser.forget_the_tree()
    assert (await keeper("verify")).code == 0, "all that is in the database was written anew"
    broken = await keeper("verify", "--since", str(file), "--json")
    assert (broken.code, broken.json["kind"]) == (1, "forked")


async def test_a_log_signed_by_another_key_than_the_one_that_was_given_is_refused(
    keeper: CommandLine, api: Management, tmp_path: Path
) -> None:
    """Whoever changes the database can give it other keys; the one that an auditor noted tells. Rotated ones, too."""
    await api.register()
    wrong = tmp_path / "wrong.key"
    wrong.write_text(str(NoteSigner.of("127.0.0.1:8080/log", bytes(range(32))).key), "utf-8")
    assert "No checkpoint was made yet" in await keeper.refused("verify", "--key", str(wrong))
    old = (await keeper.done("checkpoint", "--json")).json["key"]
    for more in ((), ("--workspace", "acme")):
        said = await keeper.refused("verify", "--key", str(wrong), *more)
        assert "which is not a key to go by here" in said
        assert "The log holds" in (await keeper.done("verify", "--key", old, *more)).out
    await keeper.done("rotate-signing-key", "--reason", "once a year")
    await keeper.done("verify", "--key", old)
    await api.record("acme", "JitDisabled")
    new = (await keeper.done("checkpoint", "--json")).json["key"]
    assert "not a key to go by" in await keeper.refused("verify", "--key", old)
    assert "The log holds" in (await keeper.done("verify", "--key", new, "--key", old)).out


async def test_a_stolen_key_that_was_retired_signs_nothing_that_counts_against_the_log(
    keeper: CommandLine, api: Management, tmp_path: Path
) -> None:
    """What it signed in its time stays good; a later checkpoint by it alone is called what it is, and not the log."""
    await api.register()
    await keeper.done("checkpoint")
    old = await latest_checkpoint(api.pool)
    await keeper.done("rotate-signing-key", "--reason", "once a year")
    await api.record("acme", "JitDisabled")
    await keeper.done("checkpoint")
    new = await latest_checkpoint(api.pool)
    assert old is not None
    assert new is not None
    async with api.pool.acquire() as connection:
        thief = await SigningKeys(KeyRing([KEY])).signer(connection, old.key_id)
    assert thief is not None
    genuine, forged = tmp_path / "genuine", tmp_path / "forged"
    genuine.write_text(old.note, "utf-8")
    forged.write_text(sign_note(replace(new.checkpoint, root=bytes(32)).text, [thief]), "utf-8")
    assert "The log holds" in (await keeper.done("verify", "--since", str(genuine))).out
    said = await keeper.refused("verify", "--since", str(forged))
    assert f"is signed by {thief.key.name}+{thief.key.id.hex()} alone, a key that was retired at" in said
    served = (await api.get("/checkpoints/keys"))["items"]
    assert [(one["until_size"] is None, one["current"]) for one in served] == [(False, False), (True, True)]
    assert old.checkpoint.size < served[0]["until_size"] < new.checkpoint.size


async def test_rows_that_do_not_follow_from_the_log_are_named(
    keeper: CommandLine, api: Management, pool: Pool, database: TestDatabase
) -> None:
    """A read model that was handed another document, or changed: check and verify name workspace and members."""
    await api.register()
    assert "Live equals replay: 1 workspaces" in (await keeper.done("check")).out
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do("update projection.connections set document = jsonb_set(document, '{plan}', '\"two\"')")
        wrong = await keeper("check", "--json")
        (difference,) = wrong.json["differences"]
        assert (wrong.code, difference["stream_id"]) == (1, "acme")
        assert "plan" in difference["problem"]
        verified = await keeper("verify", "--json")
        assert (verified.code, verified.json["holds"], len(verified.json["differences"])) == (1, False, 1)
    await keeper.done("rebuild", "connections")
    await keeper.done("check", "acme")
    assert "no workspace nobody" in await keeper.refused("check", "nobody")


async def test_a_signing_key_is_rotated(keeper: CommandLine, api: Management) -> None:
    """The new key is printed with a checkpoint that both keys sign; rotate-keys seals both anew."""
    await api.register()
    old = (await keeper.done("checkpoint", "--json")).json
    new = (await keeper.done("rotate-signing-key", "--reason", "once a year", "--json")).json
    assert new["key"] != old["key"]
    assert new["note"].count("\u2014 ") == 2
    fresh = base64.b64encode(bytes(range(100, 132))).decode()
    both = f"{fresh},{base64.b64encode(KEY).decode()}"
    assert "3 data keys" in (await keeper.done("rotate-keys", KEYLEDGER_SECRET_KEYS=both)).out
    again = (await keeper.done("checkpoint", "--json", KEYLEDGER_SECRET_KEYS=fresh)).json
    assert again["key"] == new["key"]


async def test_an_export_is_written_as_lines_too(command: CommandLine, api: Management) -> None:
    """NDJSON and CSV: one event a line; a cell is never a formula."""
    await api.register()
    reason = "=cmd()"
    await api.post("/workspaces/acme/events", {"type": "JitDisabled", "data": {}, "reason": reason})
    lines = (await command.done("export", "acme", "--format", "ndjson")).out.splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["WorkspaceRegistered", "JitDisabled"]
    rows = list(csv.DictReader((await command.done("export", "acme", "--format", "csv")).out.splitlines()))
    assert [row["type"] for row in rows] == ["WorkspaceRegistered", "JitDisabled"]
    assert rows[1]["reason"] == f"'{reason}"
    served = await api.call("GET", "/workspaces/acme/events", Accept="text/csv")
    assert (await command.done("export", "acme", "--format", "csv")).out == await served.text()
    assert "leave --workspace out" in await command.mistaken("verify", "--workspace", "acme", "--since", sys.executable)
