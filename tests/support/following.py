"""A small catch-up projection for tests: it notes each event once, and can be made to fail."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from support.database import Pool

from events.envelope import Recorded

if TYPE_CHECKING:
    from events.store import Connection

TABLE = """
    create table projection.seen_v1 (position bigint primary key, stream_id text not null, note text not null);
    grant select, insert, update, delete on projection.seen_v1 to keyledger_runtime
"""


class Seen:
    """Notes what it saw. ``poison`` are domains it cannot take in; ``afterwards`` runs after each batch's writes."""

    name = "seen_v1"

    def __init__(self) -> None:
        self.poison: set[str] = set()
        self.afterwards: Callable[[Connection], Awaitable[None]] | None = None
        self.delivered: list[int] = []

    async def apply(self, conn: "Connection", table: str, events: Sequence[Recorded]) -> None:
        """Note the events, or fail about the first one that is poison."""
        for event in events:
            self.delivered.append(event.position)
            if event.data.get("domain") in self.poison:
                message = f"cannot take in {event.data['domain']}"
                raise ValueError(message)
            await conn.execute(
                f"insert into {table} values ($1, $2, $3) on conflict do nothing",
                event.position,
                event.stream_id,
                event.type,
            )
        if self.afterwards is not None:
            await self.afterwards(conn)

    @staticmethod
    async def rows(pool: Pool) -> list[tuple[int, str, str]]:
        """Return what was noted, in order of positions."""
        return [tuple(row) for row in await pool.fetch("select * from projection.seen_v1 order by position")]


async def expected(pool: Pool) -> list[tuple[int, str, str]]:
    """Return what a projection that missed nothing has noted."""
    return [tuple(row) for row in await pool.fetch("select position, stream_id, type from ledger.events order by 1")]
