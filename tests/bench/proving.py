"""Verbs that read the whole log, each in a process of its own, against the server's own COPY of the same rows."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from bench.replaying import COLUMNS, COPY, HERE, template
from bench.service_under_load import Running

from events.workspace import FOLD_VERSION

WHOLE_LOG: tuple[tuple[str, ...], ...] = (
    ("checkpoint",),
    ("rebuild", "tree"),
    ("rebuild", "timeline"),
    ("rebuild", "connections"),
    ("verify",),
    ("check",),
)
"""In an order in which each has something to do: the notary comes first, to a log that it knows nothing of."""

MANY_WORKSPACES: tuple[tuple[str, ...], ...] = (("checkpoint",), ("rebuild", "connections"), ("verify",))
LONG = 9_000_001
"""The number of the workspace with a long history."""

LONG_EVENTS = 10_000
COPY_LONG = f"copy (select {COLUMNS} from ledger.events where stream_id = 'w{LONG}') to '/dev/null'"


@dataclass(frozen=True)
class Pass:
    """A verb over so many events: its seconds, start of the program included, COPY's of the same rows, and its memory.

    ``ratio`` is COPY's time by the verb's. ``peak_mib`` is the largest resident size of the process.
    """

    verb: str
    events: int
    seconds: float
    events_per_second: float
    copy_seconds: float
    ratio: float
    peak_mib: float


@dataclass(frozen=True)
class Place:
    """A database, reached as an operator's verbs reach it, and by its superuser."""

    superuser_url: str
    environment: Mapping[str, str]


def place_of(running: Running, database: str) -> Place:
    """Return one of the databases of the running server."""
    urls = {
        name: url.replace("/keyledger?", f"/{database}?")
        for name, url in (
            ("KEYLEDGER_DATABASE_URL", running.runtime_url),
            ("KEYLEDGER_OWNER_DATABASE_URL", running.owner_url),
            ("superuser", running.superuser_url),
        )
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYLEDGER_")}
    superuser = urls.pop("superuser")
    return Place(
        superuser, {**kept, "KEYLEDGER_DATA_DIR": str(running.data), "KEYLEDGER_URL": running.base_url, **urls}
    )


async def over_the_log(place: Place, verbs: Sequence[Sequence[str]]) -> AsyncIterator[Pass]:
    """Run each verb after a COPY of the whole log."""
    connection = await asyncpg.connect(place.superuser_url)
    try:
        events = await connection.fetchval("select count(*) from ledger.events", timeout=600)
        await connection.execute(COPY, timeout=600)
        for verb in verbs:
            yield await measured(connection, place, verb, COPY, events)
    finally:
        await connection.close()


async def over_one_history(place: Place, directory: Path) -> AsyncIterator[Pass]:
    """Export one long history through the running service, and check the file where it lies."""
    connection = await asyncpg.connect(place.superuser_url)
    try:
        await connection.execute((HERE / "fill.sql").read_text())
        document = json.dumps(template())
        await connection.execute(f"call bench.register({LONG}, {LONG}, '{document}', {FOLD_VERSION})", timeout=600)
        rounds = LONG_EVENTS // 100
        call = f"call bench.change({LONG}, {LONG}, {rounds}, '{document}', {FOLD_VERSION})"
        await connection.execute(call, timeout=600)
        await run(place, "checkpoint")
        token = (await run(place, "token", "create", "bench-history", "--role", "auditor"))[0]
        reader = Place(place.superuser_url, {**place.environment, "KEYLEDGER_TOKEN": token})
        file = str(directory / "history.json")
        events = await connection.fetchval(f"select count(*) from ledger.events where stream_id = 'w{LONG}'")
        for verb in (("export", f"w{LONG}", "-o", file), ("verify", file)):
            yield await measured(connection, reader, verb, COPY_LONG, events)
    finally:
        await connection.close()


async def measured(
    connection: "asyncpg.Connection[asyncpg.Record]", place: Place, verb: Sequence[str], copy: str, events: int
) -> Pass:
    """Return what a verb took, and a COPY right before it."""
    started = time.perf_counter()
    await connection.execute(copy, timeout=600)
    copied = time.perf_counter() - started
    took = json.loads((await run(place, *verb))[-1])
    name = " ".join(part for part in verb if part[:1] not in "-/" and part != f"w{LONG}")
    name = f"{name} of one history" if copy == COPY_LONG else name
    return Pass(
        verb=name,
        events=events,
        seconds=took["seconds"],
        events_per_second=events / took["seconds"],
        copy_seconds=copied,
        ratio=copied / took["seconds"],
        peak_mib=took["peak_mib"],
    )


async def run(place: Place, *verb: str) -> list[str]:
    """Run a verb to its end and return the lines that it printed, the last of which says what it took.

    Raises:
        RuntimeError: it was refused, or what it checked does not hold.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(HERE / "measured_verb.py"), *verb),
        env=dict(place.environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    lines = output.decode().splitlines()
    if not lines or json.loads(lines[-1])["code"] != 0:
        raise RuntimeError(f"{' '.join(verb)}: {output.decode()}{errors.decode()}")
    return lines
