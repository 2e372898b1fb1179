"""What the kept tree remembers of each event: its leaf and its position, read in pages beside a pass over the log."""

from typing import TYPE_CHECKING, NamedTuple

from events.merkle import HASH_BYTES
from events.tiles import WIDTH

if TYPE_CHECKING:
    from events.store import Connection

TILES_AT_ONCE = 512

_PAGE = """
    select tile, hashes, positions from ledger.tree_tiles where level = 0 and tile >= $1 order by tile limit $2
"""
_WHERE = "select tile, hashes from ledger.tree_tiles where level = 0 and position($1::bytea in hashes) > 0"


class Remembered(NamedTuple):
    """A leaf that the tree took in, and the position that its event had then."""

    leaf: bytes
    position: int


class TreeMemory:
    """The leaves of the kept tree in their order, in one page of memory.

    Args:
        conn: a connection in the snapshot that is looked at.
    """

    def __init__(self, conn: "Connection") -> None:
        self._conn = conn
        self._page: dict[int, Remembered] = {}
        self._until = 0

    async def load(self, start: int, end: int) -> None:
        """Have the leaves from number ``start`` up to ``end`` at hand; those before may be forgotten."""
        while self._until < end:
            rows = await self._conn.fetch(_PAGE, self._until // WIDTH, TILES_AT_ONCE)
            last = self._until // WIDTH + TILES_AT_ONCE
            self._page = {number: one for number, one in self._page.items() if number >= start}
            for row in (row for row in rows if row["tile"] < last):
                for at, position in enumerate(row["positions"] or ()):
                    leaf = row["hashes"][at * HASH_BYTES : (at + 1) * HASH_BYTES]
                    self._page[row["tile"] * WIDTH + at] = Remembered(leaf, position)
            self._until = last * WIDTH

    def at(self, number: int) -> Remembered | None:
        """Return what is remembered of a leaf at hand, ``None`` if the tree does not know it."""
        return self._page.get(number)

    async def find(self, number: int) -> Remembered | None:
        """Return what is remembered of any leaf."""
        row = await self._conn.fetchrow(_PAGE, number // WIDTH, 1)
        at = number % WIDTH
        if row is None or row["tile"] != number // WIDTH or at >= len(row["positions"] or ()):
            return None
        return Remembered(row["hashes"][at * HASH_BYTES : (at + 1) * HASH_BYTES], row["positions"][at])

    async def knows(self, leaf: bytes) -> bool:
        """Tell whether the tree took this leaf in anywhere; reads all of it."""
        rows = await self._conn.fetch(_WHERE, leaf, timeout=3600.0)
        return any(row["hashes"].find(leaf) % HASH_BYTES == 0 for row in rows)
