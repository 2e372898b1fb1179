"""Where every stream ends, under one root: a map of streams in which each has exactly one place.

It is a binary tree by the bits of SHA-256 of the stream's name, the first bit at the top. A stream stands at the first
place where no other stream shares the bits; an empty place counts as 32 zero bytes. So nobody can be shown two ends of
the same stream under one root.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

EMPTY = bytes(32)
KEY_BITS = 256
HASH_BYTES = 32


class HeadLeaf(NamedTuple):
    """Where a stream ends: its last version and that event's hash."""

    stream_id: str
    version: int
    head: bytes


class HeadNode(NamedTuple):
    """A place that is not empty: its hash, and the stream that stands there, if it is a leaf."""

    hash: bytes
    leaf: HeadLeaf | None


def key_bits(stream_id: str) -> str:
    """Return the bits of a stream's key, as ``0`` and ``1``."""
    return f"{int.from_bytes(sha256(stream_id.encode()).digest(), 'big'):0{KEY_BITS}b}"


def leaf_of(leaf: HeadLeaf) -> bytes:
    """Return the hash of a leaf: a zero byte, the key, the version in eight bytes, the head."""
    key = sha256(leaf.stream_id.encode()).digest()
    return sha256(b"\x00" + key + leaf.version.to_bytes(8, "big") + leaf.head).digest()


def inner_of(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: a one byte, then both sides."""
    return sha256(b"\x01" + left + right).digest()


def sibling_of(prefix: str) -> str:
    """Return the other place under the same node."""
    return prefix[:-1] + ("0" if prefix[-1] == "1" else "1")


class HeadMap:
    """The part of the map that a change touches: what was loaded, and what became of it.

    Args:
        nodes: every node on the path of each stream that will be put, and the siblings along it, by prefix.
    """

    def __init__(self, nodes: Mapping[str, HeadNode]) -> None:
        self._nodes = dict(nodes)
        self._stale: set[str] = set()
        self.changed: dict[str, HeadNode] = {}
        self.added = 0

    @property
    def root(self) -> bytes:
        """The root of the map."""
        return self._hash("")

    def find(self, stream_id: str) -> HeadLeaf | None:
        """Return where the stream ends, ``None`` if it is not in the map."""
        node = self._nodes.get(self._place(key_bits(stream_id)))
        return node.leaf if node is not None and node.leaf is not None and node.leaf.stream_id == stream_id else None

    def put(self, leaf: HeadLeaf) -> None:
        """Set where a stream ends. Hashes above it are right again after ``settle``."""
        bits = key_bits(leaf.stream_id)
        place = self._place(bits)
        found = self._nodes.get(place)
        if found is not None and found.leaf is not None and found.leaf.stream_id != leaf.stream_id:
            other, theirs = found, key_bits(found.leaf.stream_id)
            while bits[len(place)] == theirs[len(place)]:
                place = bits[: len(place) + 1]
            depth = len(place) + 1
            place = bits[:depth]
            self._set(theirs[:depth], other)
        if found is None or found.leaf is None or found.leaf.stream_id != leaf.stream_id:
            self.added += 1
        self._set(place, HeadNode(leaf_of(leaf), leaf))
        self._stale.update(place[:depth] for depth in range(len(place)))

    def settle(self) -> None:
        """Hash anew what stands above the streams that were put."""
        for prefix in sorted(self._stale, key=len, reverse=True):
            self._set(prefix, HeadNode(inner_of(self._hash(prefix + "0"), self._hash(prefix + "1")), None))
        self._stale.clear()

    def _place(self, bits: str) -> str:
        depth = 0
        while (prefix := bits[:depth]) in self._stale or self._is_inner(prefix):
            depth += 1
        return bits[:depth]

    def _is_inner(self, prefix: str) -> bool:
        node = self._nodes.get(prefix)
        return node is not None and node.leaf is None

    def _hash(self, prefix: str) -> bytes:
        node = self._nodes.get(prefix)
        return EMPTY if node is None else node.hash

    def _set(self, prefix: str, node: HeadNode) -> None:
        self._nodes[prefix] = self.changed[prefix] = node


def map_root(leaves: Iterable[HeadLeaf]) -> bytes:
    """Return the root of the map of all these streams."""
    return _root(sorted((key_bits(leaf.stream_id), leaf_of(leaf)) for leaf in leaves), 0)


def _root(leaves: Sequence[tuple[str, bytes]], depth: int) -> bytes:
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaves[0][1]
    middle = next((place for place, (bits, _) in enumerate(leaves) if bits[depth] == "1"), len(leaves))
    return inner_of(_root(leaves[:middle], depth + 1), _root(leaves[middle:], depth + 1))


def in_map(leaf: HeadLeaf, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the proof, the sibling of the leaf first, shows that the stream ends here under this root."""
    if len(proof) > KEY_BITS or any(len(sibling) != HASH_BYTES for sibling in proof):
        return False
    bits, found = key_bits(leaf.stream_id), leaf_of(leaf)
    for depth, sibling in zip(range(len(proof) - 1, -1, -1), proof, strict=True):
        found = inner_of(sibling, found) if bits[depth] == "1" else inner_of(found, sibling)
    return found == root
