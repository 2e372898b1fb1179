"""The Merkle tree as it is kept: tiles of 16 hashes, so that growing it and proving from it read a few rows."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from events.merkle import HASH_BYTES, Node, Span, consistency_spans, inclusion_spans, join, node_hash, perfect

if TYPE_CHECKING:
    from events.store import Connection

HEIGHT = 4
WIDTH = 1 << HEIGHT

_TILES = """
    select t.level, t.tile, t.hashes
    from unnest($1::smallint[], $2::bigint[]) wanted (level, tile) join ledger.tree_tiles t using (level, tile)
"""
_LAST_POSITIONS = "select positions from ledger.tree_tiles where level = 0 and tile = $1"
_PUT = """
    insert into ledger.tree_tiles (level, tile, hashes, positions)
    select level, tile, hashes, case when level = 0 then string_to_array(positions, ',')::bigint[] end
    from unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::text[]) new (level, tile, hashes, positions)
    on conflict (level, tile) do update set hashes = excluded.hashes, positions = excluded.positions
"""

Place = tuple[int, int]
"""A tile: its level, and its number on that level."""


class TreeDamaged(Exception):
    """A tile that the tree needs is missing or too short: the tables beside the log were changed."""


class Tiles:
    """Tiles that were loaded, and the hashes of the perfect subtrees they hold."""

    def __init__(self, tiles: dict[Place, bytes]) -> None:
        self._tiles = tiles

    def node(self, node: Node) -> bytes:
        """Return the hash of a perfect subtree.

        Raises:
            TreeDamaged: its tile is not there.
        """
        place, start, count = _within(node)
        hashes = self._tiles.get(place, b"")[start * HASH_BYTES : (start + count) * HASH_BYTES]
        if len(hashes) != count * HASH_BYTES:
            message = f"The tree's tile {place[1]} on level {place[0]} is missing or too short."
            raise TreeDamaged(message)
        row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
        while len(row) > 1:
            row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    def root(self, span: Span) -> bytes:
        """Return the root of a span that RFC 9162 splits a tree into."""
        return join([self.node(node) for node in perfect(span)])


async def load_tiles(conn: "Connection", spans: Iterable[Span]) -> Tiles:
    """Return the tiles that hold the roots of these spans."""
    places = {_within(node)[0] for span in spans for node in perfect(span)}
    rows = await conn.fetch(_TILES, [level for level, _ in places], [tile for _, tile in places])
    return Tiles({(row["level"], row["tile"]): row["hashes"] for row in rows})


async def root_of(conn: "Connection", size: int) -> bytes:
    """Return the root of the tree when it had ``size`` leaves."""
    return (await load_tiles(conn, [(0, size)])).root((0, size))


async def inclusion_proofs(conn: "Connection", indexes: Sequence[int], size: int) -> list[list[bytes]]:
    """Return the inclusion proof of each of these leaves in the tree of ``size`` leaves.

    Raises:
        ValueError: the tree has no such leaf.
        TreeDamaged: the kept tree is not whole.
    """
    spans = [inclusion_spans(index, size) for index in indexes]
    tiles = await load_tiles(conn, (span for one in spans for span in one))
    kept: dict[Span, bytes] = {}
    for span in (span for one in spans for span in one):
        if span not in kept:
            kept[span] = tiles.root(span)
    return [[kept[span] for span in one] for one in spans]


async def consistency_proof(conn: "Connection", first: int, size: int) -> list[bytes]:
    """Return the proof that the tree of ``size`` leaves begins with that of ``first``.

    Raises:
        ValueError: ``first`` is not between 0 and ``size``.
        TreeDamaged: the kept tree is not whole.
    """
    spans = consistency_spans(first, size)
    tiles = await load_tiles(conn, spans)
    return [tiles.root(span) for span in spans]


async def grow(conn: "Connection", size: int, leaves: Sequence[bytes], positions: Sequence[int]) -> None:
    """Add leaves behind the first ``size``, in the caller's transaction; who else would grow it has to wait.

    Raises:
        TreeDamaged: the kept tree is not whole.
    """
    starts = [size >> HEIGHT * level for level in range(size.bit_length() // HEIGHT + 1)]
    tails = [(level, start // WIDTH) for level, start in enumerate(starts) if start % WIDTH]
    rows = await conn.fetch(_TILES, [level for level, _ in tails], [tile for _, tile in tails])
    kept = {row["level"]: row["hashes"] for row in rows}
    tail = await conn.fetchval(_LAST_POSITIONS, size // WIDTH) if size % WIDTH else []
    new: list[tuple[int, int, bytes, str | None]] = []
    level, added = 0, list(leaves)
    while added:
        start = starts[level] if level < len(starts) else 0
        before = kept.get(level, b"")
        if len(before) != start % WIDTH * HASH_BYTES:
            message = f"The tree's last tile on level {level} is missing or of the wrong length."
            raise TreeDamaged(message)
        row = [before[at : at + HASH_BYTES] for at in range(0, len(before), HASH_BYTES)] + added
        first = start // WIDTH
        pieces = [row[at : at + WIDTH] for at in range(0, len(row), WIDTH)]
        told = _pieces([*tail, *positions]) if level == 0 else [None] * len(pieces)
        new += [(level, first + at, b"".join(piece), told[at]) for at, piece in enumerate(pieces)]
        added = [_tile_root(piece) for piece in pieces if len(piece) == WIDTH]
        level += 1
    await conn.execute(_PUT, *([row[at] for row in new] for at in range(4)))


def _pieces(positions: Sequence[int]) -> list[str]:
    return [",".join(map(str, positions[at : at + WIDTH])) for at in range(0, len(positions), WIDTH)]


def _tile_root(hashes: Sequence[bytes]) -> bytes:
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def _within(node: Node) -> tuple[Place, int, int]:
    """Return the tile that holds a perfect subtree, and from which of its hashes on how many."""
    level, index = node
    tile_level, height = divmod(level, HEIGHT)
    start = index << height
    return (tile_level, start // WIDTH), start % WIDTH, 1 << height
