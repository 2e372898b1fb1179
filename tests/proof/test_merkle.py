"""The Merkle tree is that of RFC 9162: its own examples, known roots, and agreement with a library by others."""

from collections.abc import Callable

import pytest
from pymerkle import InmemoryTree

from events.merkle import (
    EMPTY_ROOT,
    Frontier,
    Span,
    consistency_spans,
    consistent,
    included,
    inclusion_spans,
    leaf_hash,
    node_hash,
    perfect,
)
from events.tiles import HEIGHT, Place, _within

ENTRIES = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    bytes(range(0x60, 0x70)),
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The roots that the logs of Certificate Transparency are tested with, for the first 1 to 8 of these entries."""


def root_over(entries: list[bytes]) -> Callable[[Span], bytes]:
    """Return a function from spans of these entries to their roots."""

    def root(span: Span) -> bytes:
        tree = Frontier()
        tree.extend(leaf_hash(entry) for entry in entries[span[0] : span[1]])
        return tree.root

    return root


def test_the_roots_are_those_of_certificate_transparency() -> None:
    tree, found = Frontier(), []
    assert tree.root == EMPTY_ROOT
    for entry in ENTRIES:
        tree.add(leaf_hash(entry))
        found.append(tree.root.hex())
    assert found == ROOTS


def test_the_proofs_are_those_of_the_example_in_rfc_9162() -> None:
    """RFC 9162, 2.1.5: the tree of seven entries d0 to d6, with its nodes named as there."""
    entries = ENTRIES[:7]
    a, b, c, d, e, f, j = (leaf_hash(entry) for entry in entries)
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k = node_hash(g, h)
    hash0, hash1, hash2 = g, k, node_hash(k, i)
    whole = node_hash(k, node_hash(i, j))
    root = root_over(entries)
    assert (root((0, 2)), root((0, 4)), root((0, 6)), root((0, 7))) == (hash0, hash1, hash2, whole)
    proofs = {index: [root(span) for span in inclusion_spans(index, 7)] for index in (0, 3, 4, 6)}
    right = node_hash(i, j)
    assert proofs == {0: [b, h, right], 3: [c, g, right], 4: [f, j, k], 6: [i, k]}
    growth = {first: [root(span) for span in consistency_spans(first, 7)] for first in (3, 4, 6)}
    assert growth == {3: [c, d, g, right], 4: [right], 6: [i, j, k]}


def test_roots_and_inclusion_proofs_are_those_of_a_library_by_others() -> None:
    theirs, entries = InmemoryTree(algorithm="sha256"), [bytes([number]) for number in range(1, 66)]
    for entry in entries:
        theirs.append_entry(entry)
    root = root_over(entries)
    for size in range(1, len(entries) + 1):
        assert root((0, size)) == theirs.get_state(size)
        for index in range(0, size, 1 + size // 8):
            proof = [root(span) for span in inclusion_spans(index, size)]
            assert proof == theirs.prove_inclusion(index + 1, size).path[1:]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 21])
def test_a_proof_holds_for_its_own_leaf_sizes_and_roots_only(size: int) -> None:
    entries = [bytes([number]) for number in range(size)]
    root = root_over(entries)
    whole = root((0, size))
    for index in range(size):
        proof = [root(span) for span in inclusion_spans(index, size)]
        assert included(entries[index], index, size, proof, whole)
        assert not included(b"other", index, size, proof, whole)
        assert not included(entries[index], index, size, [*proof, whole], whole)
        assert not included(entries[index], index, size, proof, bytes(32))
        assert not included(entries[index], size, size, proof, whole)
        if proof:
            assert not included(entries[index], index, size, proof[:-1], whole)
            assert not included(entries[index], index ^ 1, size, proof, whole)
    for first in range(size + 1):
        proof, before = [root(span) for span in consistency_spans(first, size)], root((0, first))
        assert consistent(first, size, proof, before, whole)
        assert not consistent(first, size, [*proof, whole], before, whole)
        assert not consistent(first, size, proof, bytes(32), whole)
        if first:
            assert not consistent(first, size, proof, before, bytes(32))
        if proof:
            assert not consistent(first, size, proof[1:], before, whole)
            assert not consistent(first, size, [bytes(32), *proof[1:]], before, whole)
    assert not consistent(size + 1, size, [], whole, whole)


def test_nobody_is_given_a_proof_of_what_the_tree_does_not_hold() -> None:
    with pytest.raises(ValueError, match="no leaf 3"):
        inclusion_spans(3, 3)
    with pytest.raises(ValueError, match="never had 4"):
        consistency_spans(4, 3)


def test_a_span_is_covered_by_few_perfect_subtrees() -> None:
    assert perfect((0, 7)) == [(2, 0), (1, 2), (0, 6)]
    assert perfect((4, 7)) == [(1, 2), (0, 6)]
    assert perfect((0, 1 << 20)) == [(20, 0)]
    assert len(perfect((0, (1 << 20) - 1))) == 20


@pytest.mark.parametrize("size", [1, 16, 1000, 10**6, 2**40 - 1])
def test_a_proof_reads_as_few_rows_as_the_logarithm_of_the_log_says(size: int) -> None:
    """At a million million events, some forty rows of at most 512 bytes; the root and growth read fewer still."""
    bound = 4 * max(1, size.bit_length() / HEIGHT) + 2
    for index in {0, size // 3, size - 1}:
        assert len(places(inclusion_spans(index, size))) <= bound
        assert len(places(consistency_spans(index, size))) <= bound
    assert len(places([(0, size)])) <= size.bit_length() / HEIGHT + 1


def places(spans: list[Span]) -> set[Place]:
    """Return the rows that the roots of these spans are made from."""
    return {_within(node)[0] for span in spans for node in perfect(span)}
