"""Where every stream ends, under one root: a map of streams in which each has exactly one place.

It is a binary tree by the bits of SHA-256 of the stream's name, the first bit at the top. A stream stands at the first
place where no other stream shares the bits; an empty place counts as 32 zero bytes. So nobody can be shown two ends of
the same stream under one root.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
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

    def key(self) -> bytes:
        """Return the stream's key, whose bits say where it stands."""
        return sha256(self.stream_id.encode()).digest()


class HeadNode(NamedTuple):
    """A place that is not empty: its hash, and the stream that stands there, if it is a leaf."""

    hash: bytes
    leaf: HeadLeaf | None


def key_bits(stream_id: str) -> str:
    """Return the bits of a stream's key, as ``0`` and ``1``."""
    return _bits(sha256(stream_id.encode()).digest())


def _bits(key: bytes) -> str:
    return f"{int.from_bytes(key, 'big'):0{KEY_BITS}b}"


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
    building = MapBuilder()
    for leaf in sorted(leaves, key=HeadLeaf.key):
        building.add(leaf)
    return building.finish()


def in_map(leaf: HeadLeaf, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the proof, the sibling of the leaf first, shows that the stream ends here under this root."""
    if len(proof) > KEY_BITS or any(len(sibling) != HASH_BYTES for sibling in proof):
        return False
    bits, found = key_bits(leaf.stream_id), leaf_of(leaf)
    for depth, sibling in zip(range(len(proof) - 1, -1, -1), proof, strict=True):
        found = inner_of(sibling, found) if bits[depth] == "1" else inner_of(found, sibling)
    return found == root


OnNode = Callable[[str, HeadNode], None]


class MapBuilder:
    """Makes the map of streams that come by their keys. Memory holds one path, however many there are.

    Args:
        on_node: called with every place that is not empty and its node, none of them twice.
    """

    def __init__(self, on_node: OnNode | None = None) -> None:
        self._on_node = on_node
        self._left: list[tuple[int, bytes]] = []
        """Nodes whose right side has streams that are yet to come: their depth, and the hash of their left side."""

        self._last: tuple[bytes, HeadLeaf] | None = None
        self._shared = -1

    def add(self, leaf: HeadLeaf) -> None:
        """Add the stream with the next higher key.

        Raises:
            ValueError: its key is not higher.
        """
        key = leaf.key()
        if self._last is not None:
            if key <= self._last[0]:
                message = "Streams come by their keys, each once."
                raise ValueError(message)
            differing = int.from_bytes(key, "big") ^ int.from_bytes(self._last[0], "big")
            self._place(KEY_BITS - differing.bit_length())
        self._last = key, leaf

    def finish(self) -> bytes:
        """Return the root."""
        if self._last is None:
            return EMPTY
        return self._place(-1)

    def _place(self, shared: int) -> bytes:
        """Place the last stream, which shares so many bits with the next, and what becomes complete by that."""
        assert self._last is not None  # noqa: S101 - only called with one
        key, leaf = self._last
        bits, depth = _bits(key), max(self._shared, shared) + 1
        node = HeadNode(leaf_of(leaf), leaf)
        self._tell(bits[:depth], node)
        found = node.hash
        while self._left and self._left[-1][0] > shared:
            split, left = self._left.pop()
            found = self._lift(bits, depth, split + 1, found)
            found, depth = inner_of(left, found), split
            self._tell(bits[:depth], HeadNode(found, None))
        found = self._lift(bits, depth, shared + 1, found)
        if shared >= 0:
            self._left.append((shared, found))
        self._shared = shared
        return found

    def _lift(self, bits: str, depth: int, to: int, found: bytes) -> bytes:
        """Return the hash of the node at depth ``to`` above one that has no other beside it on the way."""
        while depth > to:
            depth -= 1
            found = inner_of(EMPTY, found) if bits[depth] == "1" else inner_of(found, EMPTY)
            self._tell(bits[:depth], HeadNode(found, None))
        return found

    def _tell(self, prefix: str, node: HeadNode) -> None:
        if self._on_node is not None:
            self._on_node(prefix, node)
