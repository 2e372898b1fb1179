"""One workspace's history as a file that proves itself, written as it is read. ``FORMAT.md`` describes it."""

import base64
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson

from events.chain import RawEvent
from events.head_map import HeadLeaf
from events.heads import head_proof
from events.intake import tree_state
from events.name_ids import ids_in
from events.names import Names
from events.notary import Notary
from events.notes import NoteKey
from events.signed import Signed, latest_checkpoint
from events.signing import read_keys
from events.tiles import consistency_proof, inclusion_proofs

if TYPE_CHECKING:
    from events.store import Connection, Pool

FORMAT = "keyledger-export/1"
BATCH = 500
ATTEMPTS = 5

_EVENTS = """
    select position, stream_id, version, leaf_index, (extract(epoch from recorded_at) * 1000000)::bigint,
        convert_to(canonical, 'UTF8'), hash
    from ledger.events where stream_id = $1 and version > $2 and version <= $3 order by version limit $4
"""
_HEAD = "select version from ledger.streams where stream_id = $1"


class ExportBusy(Exception):
    """The log grew faster than checkpoints of it could be made."""


@dataclass(frozen=True, slots=True)
class Covered:
    """A stream as one checkpoint covers it: where it ends, and the proof that it does."""

    signed: Signed
    key: NoteKey
    head: HeadLeaf
    proof: list[bytes]


def description() -> str:
    """Return the page that describes the format."""
    return (files("events") / "FORMAT.md").read_text(encoding="utf-8")


@asynccontextmanager
async def open_export(
    notary: Notary, stream_id: str, since: int | None = None, names: Names | None = None
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Lend the pieces of a stream's export; makes a checkpoint first if the latest does not cover it.

    They hold what that checkpoint covers, which never changes, whatever is recorded meanwhile. Between two pieces no
    connection of the database is held: whoever takes them may take their time.

    Args:
        notary: signs the checkpoint.
        stream_id: a stream that has events.
        since: the size of an earlier checkpoint, from which the log is to be shown to have only grown.
        names: where the names of people are to go along; without it the file names them by ids alone.

    Raises:
        LogDoesNotHold: an event that the checkpoint would have to cover does not follow from those before it.
        ValueError: ``since`` is larger than the log.
        ExportBusy: no checkpoint stayed the latest for long enough.
    """
    for _ in range(ATTEMPTS):
        async with (
            notary.store.pool.acquire() as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            covered = await _covered(conn, stream_id)
            if covered is not None:
                size = covered.signed.checkpoint.size
                grown = None if since is None else await consistency_proof(conn, since, size)
                break
        await notary.make()
    else:
        raise ExportBusy
    yield _pieces(notary.store.pool, covered, since, grown, names)


async def _covered(conn: "Connection", stream_id: str) -> Covered | None:
    signed, state = await latest_checkpoint(conn), await tree_state(conn)
    if signed is None or signed.checkpoint.size != state.size:
        return None
    found, version = await head_proof(conn, stream_id), await conn.fetchval(_HEAD, stream_id)
    if found is None or (version is not None and found[0].version < version):
        return None
    key = next((one.key for one in await read_keys(conn) if one.key_id == signed.key_id), None)
    return None if key is None else Covered(signed, key, *found)


async def _pieces(
    pool: "Pool", covered: Covered, since: int | None, grown: list[bytes] | None, names: Names | None
) -> AsyncIterator[bytes]:
    named: set[str] = set()
    yield _opening(opening(covered, since, grown))
    after, separator = 0, b"\n"
    while lines := await _lines(pool, covered, after):
        yield separator + b",\n".join(orjson.dumps(entry(event, proof)) for event, proof in lines)
        after, separator = lines[-1][0].version, b",\n"
        named |= ids_in(*(event.canonical.decode() for event, _ in lines)) if names is not None else set()
    if names is None:
        yield b"\n]}\n"
    else:
        yield b'\n],\n  "names": ' + orjson.dumps(await _disclosed(pool, names, named)) + b"}\n"


async def _lines(pool: "Pool", covered: Covered, after: int) -> list[tuple[RawEvent, Sequence[bytes]]]:
    """Return the next events, each with its proof.

    An event that was put in where none belongs has none, and the file says so.
    """
    size, head = covered.signed.checkpoint.size, covered.head
    async with pool.acquire() as conn:
        rows = await conn.fetch(_EVENTS, head.stream_id, after, head.version, BATCH)
        events = [RawEvent(*row) for row in rows]
        indexes = [event.leaf_index for event in events if event.leaf_index < size]
        proofs = dict(zip(indexes, await inclusion_proofs(conn, indexes, size), strict=True))
    return [(event, proofs.get(event.leaf_index, ())) for event in events]


async def _disclosed(pool: "Pool", names: Names, ids: set[str]) -> dict[str, dict[str, str]]:
    """Return the names of all who are not forgotten, each with the key by which anybody can check it."""
    async with pool.acquire() as conn:
        kept = await names.read(ids, conn)
    return {
        id_: {"name": one.opened.name, "key": base64.b64encode(one.opened.key).decode()}
        for id_, one in kept.items()
        if one.opened is not None
    }


def opening(covered: Covered, since: int | None, grown: Iterable[bytes] | None) -> dict[str, Any]:
    """Return the members of an export that come before its events."""
    return {
        "format": FORMAT,
        "description": description(),
        "stream": covered.head.stream_id,
        "key": str(covered.key),
        "checkpoint": covered.signed.note,
        "head": {
            "version": covered.head.version,
            "hash": covered.head.head.hex(),
            "proof": encoded(covered.proof),
        },
        "since": None if grown is None else {"size": since, "proof": encoded(grown)},
    }


def _opening(members: Mapping[str, Any]) -> bytes:
    return orjson.dumps(members, option=orjson.OPT_INDENT_2).removesuffix(b"\n}") + b',\n  "events": ['


def entry(event: RawEvent, proof: Iterable[bytes]) -> dict[str, Any]:
    """Return an event as it stands in an export."""
    return {
        "position": event.position,
        "version": event.version,
        "leaf_index": event.leaf_index,
        "recorded_us": event.recorded_us,
        "canonical": event.canonical.decode(),
        "hash": event.hash.hex(),
        "proof": encoded(proof),
    }


def encoded(proof: Iterable[bytes]) -> list[str]:
    """Return a proof as it is written in JSON."""
    return [base64.b64encode(part).decode() for part in proof]
