"""Whatever a verb meets, it ends with exit code 1 or 2 and a sentence that says what to do; never with a traceback."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.command_line import CommandLine, Run, bare_environment
from support.database import Pool, TestDatabase
from support.ledger import register
from support.management import Management

from events.store import EventStore

OPERATORS = (
    "verify", "verify --workspace acme", "check", "check acme", "checkpoint", "rotate-signing-key", "rotate-keys",
    "rebuild timeline", "rebuild connections", "rebuild tree", "restored --reason x", "token list",
    "token create grace --role support", "token revoke grace", "person list", "person list --forgotten",
    "person forget ada --reason x", "secrets shred acme --reason x", "unpark", "unpark acme",
)  # fmt: skip
TOKEN = {"KEYLEDGER_TOKEN": "klt_" + "A" * 43}
SECRET = "credentials set acme --okta-domain acme.okta.com --client-id 0oa1"


def told(run: Run, code: int = 1) -> str:
    """Return the sentence that a run ended with."""
    assert (run.code, "Traceback" in run.err) == (code, False), run
    assert "Exception ignored" not in run.err
    sentences = [line for line in run.err.splitlines() if line.endswith("]")]
    assert len(sentences) == 1, run
    return sentences[0]


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Give everybody who connects this answer, whatever they ask, and lend the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer_all() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=answer_all)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


async def test_every_verb_on_a_database_without_migrations(operator: CommandLine, empty_database: TestDatabase) -> None:
    """Says which verb sets it up."""
    urls = {
        "KEYLEDGER_DATABASE_URL": empty_database.runtime_dsn,
        "KEYLEDGER_OWNER_DATABASE_URL": empty_database.owner_dsn,
    }
    for verb in OPERATORS:
        assert "keyledger migrate" in told(await operator(*verb.split(), **urls)), verb


@pytest.mark.parametrize("setting", ["KEYLEDGER_DATABASE_URL", "KEYLEDGER_OWNER_DATABASE_URL"])
async def test_an_address_of_a_database_that_cannot_be_used(operator: CommandLine, setting: str) -> None:
    """Says which settings to look at, and repeats no address."""
    good = operator.environment["KEYLEDGER_DATABASE_URL"]
    name = good.partition("@/")[2].partition("?")[0]
    wrong = {
        "postgresql://a:planted@127.0.0.1:9/x": "cannot be reached",
        "postgresql://a:planted@127.0.0.1:99999/x": "cannot be reached",
        "postgresql://a:planted@nowhere.invalid/x": "cannot be reached",
        good.replace(name, "planted"): "no database of this name",
        f"{good}&sslmode=planted": "behind the question mark",
        f"{good}&planted=1": "behind the question mark",
        f"{good}&target_session_attrs=planted": "behind the question mark",
    }
    verb = ("token", "list") if setting == "KEYLEDGER_DATABASE_URL" else ("migrate",)
    for url, sentence in wrong.items():
        said = told(await operator(*verb, **{setting: url}))
        assert sentence in said, url
        assert setting in said
        assert "planted" not in said


async def test_the_service_does_not_start_with_such_an_address(operator: CommandLine) -> None:
    """Exit code 1 and one sentence, in a process that ends."""
    good = operator.environment["KEYLEDGER_DATABASE_URL"]
    name = good.partition("@/")[2].partition("?")[0]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    for url in (
        "postgresql://a:planted@127.0.0.1:99999/x",
        "postgresql:///x?host=/planted",
        good.replace(name, "planted"),
        f"{good}&sslmode=planted",
        f"{good}&planted=1",
    ):
        run = await operator("serve", KEYLEDGER_DATABASE_URL=url, KEYLEDGER_OWNER_DATABASE_URL=url, KEYLEDGER_PORT=port)
        assert (run.code, len(run.err.splitlines())) == (1, 1), run
        assert "Check KEYLEDGER_DATABASE_URL" in run.err
        assert "planted" not in run.out + run.err


async def test_a_role_that_may_not(operator: CommandLine, empty_database: TestDatabase) -> None:
    """As where the runtime role's address is all that there is."""
    for verb in ("migrate", "rebuild timeline"):
        run = await operator(
            *verb.split(),
            KEYLEDGER_OWNER_DATABASE_URL=(
                empty_database.runtime_dsn if verb == "migrate" else operator.environment["KEYLEDGER_DATABASE_URL"]
            ),
        )
        assert "KEYLEDGER_OWNER_DATABASE_URL" in told(run), verb


async def test_secret_keys_that_open_nothing(operator: CommandLine, pool: Pool) -> None:
    """The others are told by name, and nothing has changed."""
    await operator.done("token", "create", "grace", "--role", "support")
    other = {"KEYLEDGER_SECRET_KEYS": "IB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgE="}
    before = await pool.fetchval("select count(*) from ledger.events")
    verbs = ("rotate-keys", "restored --reason x", "token create ada --role support", "person forget grace --reason x")
    for verb in verbs:
        assert "KEYLEDGER_SECRET_KEYS" in told(await operator(*verb.split(), **other)), verb
    assert await pool.fetchval("select count(*) from ledger.events") == before


async def test_several_settings_that_cannot_be_used_are_told_line_by_line() -> None:
    run = await CommandLine({**bare_environment(), "KEYLEDGER_ENV": "production"})("token", "list")
    assert "settings" in told(run)
    assert sum(line.startswith("  - KEYLEDGER_") for line in run.err.splitlines()) >= 2
    assert "\ufffd" not in run.err


async def test_the_systems_stream_is_no_workspace(operator: CommandLine, pool: Pool) -> None:
    await register(EventStore(pool), "acme")
    await operator.done("token", "create", "grace", "--role", "support")
    for slug in ("$system", "acmee"):
        assert f"There is no workspace {slug}" in told(await operator("check", slug))


async def test_a_file_that_cannot_be_what_is_asked_for(operator: CommandLine, tmp_path: Path) -> None:
    """Empty, cut off, binary, a directory, none at all: the sentence names the file or what it should hold."""
    kept = {"empty": b"", "binary": bytes(range(256)), "cut": b'{"format": "keyledger-export/1", "events": [{'}
    for name, content in kept.items():
        (tmp_path / name).write_bytes(content)
    verbs = (
        "verify {}", "verify --since {}", "what-if acme {}", SECRET + " --secret-file {}", "export acme --since {}",
        "restored --reason x --shredded {}",
    )  # fmt: skip
    here = {"KEYLEDGER_URL": "http://127.0.0.1:9", **TOKEN}
    for name in (*kept, ".", "none"):
        for verb in verbs:
            # An empty list of names is one of nobody, and a secret may be any text.
            if (name == "empty" and "--shredded" in verb) or (name == "cut" and "--secret-file" in verb):
                continue
            said = told(await operator(*verb.format(tmp_path / name).split(), **here))
            assert "data_invalid" in said, (verb, name)
    for name in (".", "/", str(tmp_path)):
        with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}\n") as url:
            run = await operator("export", "acme", "-o", name, **{**here, "KEYLEDGER_URL": url})
        assert "is a directory" in told(run)


async def test_a_history_may_come_through_a_pipe(operator: CommandLine, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writing = threading.Thread(target=pipe.write_bytes, args=[b'{"format": "keyledger-export/1"}'])
    writing.start()
    assert "not a whole file" in told(await operator("verify", str(pipe)))
    writing.join()


async def test_what_the_caller_has_closed(operator: CommandLine) -> None:
    """Standard input, output or error: nothing is there to read, or what is said goes nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    here = {"KEYLEDGER_URL": "http://127.0.0.1:9", **TOKEN}
    for verb in ("what-if acme -", SECRET):
        assert await operator.run(verb.split(), [-1, null, null], **here) == 1
        assert await operator.run(verb.split(), [-1, -1, -1], **here) == 1
    for closed in ([null, -1, null], [null, null, -1], [-1, -1, -1]):
        assert await operator.run(["token", "list"], closed) == 0
    os.close(null)


async def test_who_reads_the_answer_and_stops_or_has_no_room(operator: CommandLine, tmp_path: Path) -> None:
    """A pipe that is closed early, as by head, ends a verb silently with 1; a full disk is told."""
    reading, writing = os.pipe()
    os.close(reading)
    full, null = os.open("/dev/full", os.O_RDWR), os.open(os.devnull, os.O_RDWR)
    for verb in ("token list", "token list --json", "--version", "check"):
        with (tmp_path / "errors").open("w+b") as errors:
            assert await operator.run(verb.split(), [null, writing, errors.fileno()]) == 1
            errors.seek(0)
            assert errors.read() == b"", verb
        with (tmp_path / "errors").open("w+b") as errors:
            assert await operator.run(verb.split(), [null, full, errors.fileno()]) == 1
            errors.seek(0)
            assert errors.read().startswith(b"The answer could not be written (No space left on device)."), verb
    for one in (writing, full, null):
        os.close(one)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "does not answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", "does not answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n[]", "is not Keyledger"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000, "is not Keyledger"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "is not Keyledger"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "is not Keyledger"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 900\r\n\r\n{", "is not Keyledger"),
        (b"SSH-2.0-x\r\n", "does not answer"),
    ],
)
async def test_something_else_answers_at_the_address(answer: bytes, sentence: str) -> None:
    """To a question, to a change, which is asked for twice at most, and to an export."""
    with answering(answer) as url:
        command = CommandLine({**bare_environment(), "KEYLEDGER_URL": url, **TOKEN})
        for verb in ("show acme", "jit off acme", "member list acme"):
            assert sentence in told(await command(*verb.split())), verb


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://\u00e9.example", f"http://{'a' * 70}.example", "http://h:x", "x"]
)
async def test_an_address_that_is_none(url: str) -> None:
    """Exit code 1, and the setting's name."""
    command = CommandLine({**bare_environment(), "KEYLEDGER_URL": url, **TOKEN})
    assert "KEYLEDGER_URL" in told(await command("show", "acme"))


async def test_an_argument_that_is_no_text_is_a_mistake(operator: CommandLine) -> None:
    """Exit code 2, before anything is asked for."""
    for verb in (["show", "acme\udcff"], ["check", "\udcff"], ["token", "create", "\udcff", "--role", "support"]):
        run = await operator(*verb, **TOKEN)
        assert "is no text in UTF-8" in told(run, 2)


async def test_events_of_a_newer_version_end_no_verb_with_a_traceback(
    api: Management, operator: CommandLine, owner_pool: Pool
) -> None:
    """Neither a type that this version has no word for, nor a schema version that it does not know."""
    await api.register()
    async with owner_pool.acquire() as connection, connection.transaction():
        await connection.execute("alter table ledger.events disable trigger user")
        await connection.execute(
            "update ledger.events set schema_version = 99, canonical = jsonb_set(body, '{schema_version}', '99')::text"
            " where stream_id = 'acme'"
        )
        await connection.execute("alter table ledger.events enable trigger user")
    await owner_pool.execute("update projection.connections set fold_version = 1")
    for verb in ("check", "check acme", "rebuild timeline", "rebuild connections", "secrets shred acme --reason x"):
        run = await operator(*verb.split())
        assert (run.code, "Traceback" in run.err) == (1, False), (verb, run)
        assert "acme" in run.out + run.err or "WorkspaceRegistered" in run.out + run.err, verb
