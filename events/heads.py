"""The map of streams to their ends as it is kept: one row for each place that is not empty."""

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from events.head_map import HeadLeaf, HeadMap, HeadNode, key_bits, sibling_of

if TYPE_CHECKING:
    import asyncpg

    from events.store import Connection

DEPTHS_AT_ONCE = 8
NODES_AT_ONCE = 2000
REWRITE_TIMEOUT_S = 6 * 3600.0

_COLUMNS = ("prefix", "hash", "stream_id", "version", "head_hash")
_LEAVES = "select stream_id, version, head_hash from ledger.head_nodes where stream_id is not null order by prefix"

_NODES = "select prefix, hash, stream_id, version, head_hash from ledger.head_nodes where prefix = any($1::text[])"
_PUT = """
    insert into ledger.head_nodes (prefix, hash, stream_id, version, head_hash)
    select * from unnest($1::text[], $2::bytea[], $3::text[], $4::bigint[], $5::bytea[])
    on conflict (prefix) do update set hash = excluded.hash, stream_id = excluded.stream_id,
        version = excluded.version, head_hash = excluded.head_hash
"""


async def load_heads(conn: "Connection", streams: Iterable[str]) -> HeadMap:
    """Return the part of the map on which these streams are, or will be, put."""
    active = {key_bits(stream_id) for stream_id in streams}
    nodes = await _load(conn, [""])
    depth = 1
    while active := {bits for bits in active if _goes_on(nodes, bits[: depth - 1])}:
        paths = {bits[:at] for bits in active for at in range(depth, depth + DEPTHS_AT_ONCE)}
        nodes |= await _load(conn, list(paths | {sibling_of(path) for path in paths}))
        depth += DEPTHS_AT_ONCE
    return HeadMap(nodes)


async def save_heads(conn: "Connection", heads: HeadMap) -> None:
    """Keep what changed in a settled map, in the caller's transaction."""
    rows = [
        (prefix, node.hash, *((None, None, None) if node.leaf is None else node.leaf))
        for prefix, node in heads.changed.items()
    ]
    await conn.execute(_PUT, *([row[at] for row in rows] for at in range(5)))


class NodeWriter:
    """Writes the map anew, in the caller's transaction, some thousand nodes at once."""

    def __init__(self, conn: "Connection") -> None:
        self._conn = conn
        self._waiting: list[tuple[object, ...]] = []

    async def clear(self) -> None:
        """Take away what is there."""
        await self._conn.execute("delete from ledger.head_nodes", timeout=REWRITE_TIMEOUT_S)

    def put(self, prefix: str, node: HeadNode) -> None:
        """Have a node written at the next flush."""
        self._waiting.append((prefix, node.hash, *((None, None, None) if node.leaf is None else node.leaf)))

    async def flush(self, *, rest: bool = False) -> None:
        """Write the nodes that wait, if they are many or the ``rest``."""
        if len(self._waiting) >= NODES_AT_ONCE or (rest and self._waiting):
            await self._conn.copy_records_to_table(
                "head_nodes", schema_name="ledger", columns=_COLUMNS, records=self._waiting
            )
            self._waiting = []


async def kept_heads(conn: "Connection") -> AsyncIterator[HeadLeaf]:
    """Yield where every stream ends by the kept map, by their keys: the order of the prefixes at which they stand."""
    async for row in conn.cursor(_LEAVES, prefetch=NODES_AT_ONCE, timeout=REWRITE_TIMEOUT_S):
        yield HeadLeaf(row[0], row[1], row[2])


async def head_proof(conn: "Connection", stream_id: str) -> tuple[HeadLeaf, list[bytes]] | None:
    """Return where a stream ends by the kept map, and the siblings that prove it, the nearest first."""
    bits, nodes, depth = key_bits(stream_id), await _load(conn, [""]), 0
    while (node := nodes.get(bits[:depth])) is not None and node.leaf is None:
        depth += 1
        if bits[:depth] not in nodes:
            paths = [bits[:at] for at in range(depth, depth + DEPTHS_AT_ONCE)]
            nodes |= await _load(conn, [*paths, *map(sibling_of, paths)])
            if bits[:depth] not in nodes:
                return None
    if node is None or node.leaf is None or node.leaf.stream_id != stream_id:
        return None
    siblings = [nodes.get(sibling_of(bits[:at])) for at in range(depth, 0, -1)]
    return node.leaf, [bytes(32) if sibling is None else sibling.hash for sibling in siblings]


async def map_root_of(conn: "Connection") -> bytes:
    """Return the root of the kept map."""
    return HeadMap(await _load(conn, [""])).root


async def _load(conn: "Connection", prefixes: list[str]) -> dict[str, HeadNode]:
    return {row["prefix"]: _node(row) for row in await conn.fetch(_NODES, prefixes)}


def _node(row: "asyncpg.Record") -> HeadNode:
    leaf = None if row["stream_id"] is None else HeadLeaf(row["stream_id"], row["version"], row["head_hash"])
    return HeadNode(row["hash"], leaf)


def _goes_on(nodes: dict[str, HeadNode], prefix: str) -> bool:
    node = nodes.get(prefix)
    return node is not None and node.leaf is None
