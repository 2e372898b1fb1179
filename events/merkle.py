"""The Merkle tree of RFC 9162, section 2.1: which subtrees a root or a proof is made of, and checking proofs.

A tree over ``size`` leaves is made of perfect subtrees: the one at ``(level, index)`` covers ``2 ** level`` leaves from
number ``index * 2 ** level`` on and never changes again, however large the tree becomes.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TypeAlias

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Node: TypeAlias = tuple[int, int]
"""A perfect subtree: its level and its index on that level."""

Span: TypeAlias = tuple[int, int]
"""The leaves from the first number up to, and without, the second."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf (RFC 9162, 2.1.1). An entry of this log is an event's hash."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 9162, 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def perfect(span: Span) -> list[Node]:
    """Return the perfect subtrees that cover a span, from left to right."""
    start, end = span
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def join(hashes: Sequence[bytes]) -> bytes:
    """Return the root over perfect subtrees, given from left to right with falling size."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Return the spans whose roots are the inclusion proof of a leaf, nearest first (RFC 9162, 2.1.3.1).

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        message = f"A tree of {size} leaves has no leaf {index}."
        raise ValueError(message)
    spans, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(first: int, size: int) -> list[Span]:
    """Return the spans whose roots prove that the tree of ``size`` begins with that of ``first`` (RFC 9162, 2.1.4.1).

    Raises:
        ValueError: ``first`` is not between 0 and ``size``.
    """
    if not 0 <= first <= size:
        message = f"A tree of {size} leaves never had {first}."
        raise ValueError(message)
    if first in {0, size}:
        return []
    spans, start, end = [], 0, size
    while first < end:
        middle = start + _split(end - start)
        if first <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    # Whoever checks has the smaller root; where it is a subtree of the larger tree, it is not repeated.
    if start:
        spans.append((start, end))
    return spans[::-1]


def included(entry: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether an inclusion proof holds (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    number, last, found = index, size - 1, leaf_hash(entry)
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_BYTES:
            return False
        if number & 1 or number == last:
            found = node_hash(sibling, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and found == root


def consistent(first: int, size: int, proof: Sequence[bytes], first_root: bytes, root: bytes) -> bool:
    """Tell whether a consistency proof holds (RFC 9162, 2.1.4.2)."""
    if first > size or first < 0 or any(len(part) != HASH_BYTES for part in proof):
        return False
    if first == 0:
        return not proof and first_root == EMPTY_ROOT
    if first == size:
        return not proof and first_root == root
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        return False
    number, last = first - 1, size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and old == first_root and new == root


class Frontier:
    """A tree that grows leaf by leaf and keeps only what its root needs: one hash for each bit of its size."""

    def __init__(self) -> None:
        self.size = 0
        self._hashes: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        number, found = self.size, leaf
        while number & 1:
            found = node_hash(self._hashes.pop(), found)
            number >>= 1
        self._hashes.append(found)
        self.size += 1

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Add the hashes of the next leaves: level by level, which takes half of the time of one by one."""
        leaves, at = list(hashes), 0
        while at < len(leaves):
            height = (len(leaves) - at).bit_length() - 1
            if self.size:
                height = min(height, (self.size & -self.size).bit_length() - 1)
            row = leaves[at : at + (1 << height)]
            at += 1 << height
            while len(row) > 1:
                row = [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=True)]
            number, found = self.size >> height, row[0]
            while number & 1:
                found = node_hash(self._hashes.pop(), found)
                number >>= 1
            self._hashes.append(found)
            self.size += 1 << height

    @property
    def root(self) -> bytes:
        """The root over all leaves so far."""
        return join(self._hashes)


def _split(size: int) -> int:
    """Return the largest power of two below ``size``, which is 2 or more."""
    return 1 << (size - 1).bit_length() - 1
