"""What a catch-up projection is, and how far it has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from events.envelope import Recorded

if TYPE_CHECKING:
    from events.store import Connection


class Projection(Protocol):
    """A read model that follows the log. Its table is ``projection.<name>``."""

    @property
    def name(self) -> str:
        """Name with version, such as ``timeline_v1``; another version is another table."""

    async def apply(self, conn: "Connection", table: str, events: Sequence[Recorded]) -> None:
        """Write what the events mean into ``table``, in the caller's transaction.

        The same events may come again, and must then change nothing. An exception is about these events; where the
        projector narrows it down to one, that event's stream is parked.
        """


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a projection has come: the last position it has taken in, of which epoch of the log."""

    position: int
    epoch: int


class LogWentBack(Exception):
    """The log is not the one that the projection has taken in, as after a restore of one without the other.

    The projection is to be rebuilt.
    """


class CheckpointMoved(Exception):
    """Another instance moved the checkpoint; this batch was rolled back."""


def table_of(projection: Projection) -> str:
    """Return the projection's live table."""
    return f"projection.{projection.name}"


async def read_checkpoint(conn: "Connection", name: str) -> Checkpoint:
    """Return where a projection stands, beginning at the log's start when it never ran.

    Raises:
        LogWentBack: it has taken in what the log does not hold.
    """
    await conn.execute(
        """
        insert into projection.checkpoints (projection, position, epoch)
        select $1, 0, max(epoch) from ledger.epochs
        on conflict (projection) do nothing
        """,
        name,
    )
    row = await conn.fetchrow(
        """
        select c.position, (select max(epoch) from ledger.epochs) as epoch,
            coalesce((select min(began_after) from ledger.epochs e where e.epoch > c.epoch), c.position) as common,
            c.position = 0 or exists (
                select from ledger.events e where e.position = c.position and e.hash = c.mark
            ) as continues
        from projection.checkpoints c where c.projection = $1
        """,
        name,
    )
    assert row is not None  # noqa: S101 - inserted above, and never deleted
    if row["position"] > row["common"] or not row["continues"]:
        family = name.rpartition("_v")[0]
        message = (
            f"The log does not hold what {name} has taken in, up to position {row['position']}. "
            f"Run `keyledger rebuild {family}`."
        )
        raise LogWentBack(message)
    return Checkpoint(row["position"], row["epoch"])


async def move_checkpoint(conn: "Connection", name: str, seen: Checkpoint, position: int) -> None:
    """Move the checkpoint from what was read to ``position``, in the transaction of the writes it stands for.

    Raises:
        CheckpointMoved: it is no longer where it was read.
    """
    moved = await conn.fetchval(
        """
        update projection.checkpoints set position = $3, epoch = $4, updated_at = clock_timestamp(),
            mark = (select hash from ledger.events where position = $3)
        where projection = $1 and position = $2 returning true
        """,
        name,
        seen.position,
        position,
        seen.epoch,
    )
    if not moved:
        raise CheckpointMoved(name)


async def wait_for_turn(conn: "Connection", name: str) -> None:
    """Keep every projector off the projection until the transaction ends."""
    await conn.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", _lock_of(name))


async def take_turn(conn: "Connection", name: str) -> bool:
    """Do the same if nobody else is at work on the projection; tell whether it is so."""
    return bool(await conn.fetchval("select pg_try_advisory_xact_lock(hashtextextended($1, 0))", _lock_of(name)))


def _lock_of(name: str) -> str:
    return f"keyledger/projection/{name}"
