"""What the kept tree remembers of each event: its leaf and its position, read in pages beside a pass over the log."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from events.merkle import HASH_BYTES
from events.tiles import WIDTH

if TYPE_CHECKING:
    from events.store import Connection

TILES_AT_ONCE = 512

_PAGE = """
    select tile, hashes, positions from ledger.tree_tiles where level = 0 and tile >= $1 order by tile limit $2
"""
_TILES = "select tile, hashes, positions from ledger.tree_tiles where level = 0 and tile = any($1::bigint[])"
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
        self._page: dict[int, bytes] = {}
        self._until = 0

    async def first_other(self, number: int, leaves: Sequence[bytes]) -> int | None:
        """Return which of these leaves, from ``number`` on, is the first that the tree knows as another one.

        Whoever asks again asks for leaves behind these.
        """
        found, end = b"".join(leaves), number + len(leaves)
        for tile in range(number // WIDTH, (end - 1) // WIDTH + 1):
            if tile >= self._until:
                await self._load(tile)
            known = self._page.get(tile)
            if known is None:
                continue
            start, stop = max(tile * WIDTH, number), min(tile * WIDTH + len(known) // HASH_BYTES, end)
            ours = found[(start - number) * HASH_BYTES : (stop - number) * HASH_BYTES]
            theirs = known[(start - tile * WIDTH) * HASH_BYTES : (stop - tile * WIDTH) * HASH_BYTES]
            if ours != theirs:
                at = next(at for at in range(len(ours)) if ours[at] != theirs[at])
                return start - number + at // HASH_BYTES
        return None

    async def _load(self, tile: int) -> None:
        rows = await self._conn.fetch(_PAGE, tile, TILES_AT_ONCE)
        self._until = tile + TILES_AT_ONCE
        whole = [(row["tile"], row["hashes"], row["positions"] or ()) for row in rows if row["tile"] < self._until]
        # What lost its hashes or its positions is damage to the tree, and says nothing about the log.
        self._page = {
            number: hashes[: min(len(hashes) // HASH_BYTES, len(positions)) * HASH_BYTES]
            for number, hashes, positions in whole
        }

    async def find(self, number: int) -> Remembered | None:
        """Return what is remembered of any leaf."""
        return (await self.find_all([number])).get(number)

    async def find_all(self, numbers: Sequence[int]) -> dict[int, Remembered]:
        """Return what is remembered of each of these leaves, by its number, in one question."""
        rows = await self._conn.fetch(_TILES, list({number // WIDTH for number in numbers}))
        tiles = {row["tile"]: (row["hashes"], row["positions"] or ()) for row in rows}
        found = {}
        for number in numbers:
            hashes, positions = tiles.get(number // WIDTH, (b"", ()))
            at = number % WIDTH
            if at < len(positions):
                found[number] = Remembered(hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES], positions[at])
        return found

    async def knows(self, leaf: bytes) -> bool:
        """Tell whether the tree took this leaf in anywhere; reads all of it."""
        rows = await self._conn.fetch(_WHERE, leaf, timeout=3600.0)
        return any(row["hashes"].find(leaf) % HASH_BYTES == 0 for row in rows)
