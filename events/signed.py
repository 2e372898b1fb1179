"""The checkpoints that were signed, as they are kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from events.checkpoints import Checkpoint, read_checkpoint

if TYPE_CHECKING:
    import asyncpg

    from events.store import Connection, Pool

_CHECKPOINTS = "select key_id, note, made_at from ledger.checkpoints"


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as it was signed: ``note`` is what counts. ``key_id`` names the newest of the keys that signed."""

    checkpoint: Checkpoint
    key_id: str
    note: str
    made_at: datetime


async def latest_checkpoint(source: "Pool | Connection") -> Signed | None:
    """Return the newest checkpoint, ``None`` before the first."""
    row = await source.fetchrow(f"{_CHECKPOINTS} order by size desc limit 1")
    return None if row is None else _signed(row)


async def find_checkpoint(source: "Pool | Connection", size: int) -> Signed | None:
    """Return the checkpoint of exactly so many events."""
    row = await source.fetchrow(f"{_CHECKPOINTS} where size = $1", size)
    return None if row is None else _signed(row)


async def list_checkpoints(source: "Pool | Connection", after: int, limit: int) -> list[Signed]:
    """Return the checkpoints of more than ``after`` events, the smallest first."""
    rows = await source.fetch(f"{_CHECKPOINTS} where size > $1 order by size limit $2", after, limit)
    return [_signed(row) for row in rows]


def _signed(row: "asyncpg.Record") -> Signed:
    # What was signed is read from the note; the columns beside it are for people who look things up with SQL.
    return Signed(read_checkpoint(row["note"]), row["key_id"], row["note"], row["made_at"])
