"""The protocol matrix: which of its ids the tests carry in their own."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

TABLE: Final = Path(__file__).parent.parent / "oidc" / "matrix_ids.txt"
_ROW = re.compile(r"[A-Z]\d\d")
_MODULE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+){2,}")


class Matrix(NamedTuple):
    """Ids of protocol rows (``J01``) and names of certification modules."""

    rows: frozenset[str]
    modules: frozenset[str]

    def __sub__(self, other: "Matrix") -> "Matrix":
        return Matrix(self.rows - other.rows, self.modules - other.modules)

    def __bool__(self) -> bool:
        return bool(self.rows or self.modules)


def read_matrix() -> Matrix:
    """Return what the committed table names.

    Raises:
        ValueError: a line of it is neither a heading nor an id.
    """
    rows, modules = set(), set()
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name = line.split()[0]
        if _ROW.fullmatch(name):
            rows.add(name)
        elif _MODULE.fullmatch(line):
            modules.add(name)
        else:
            raise ValueError(line)
    return Matrix(frozenset(rows), frozenset(modules))


def covered(test_ids: Iterable[str], matrix: Matrix) -> Matrix:
    """Return the part of the matrix whose ids stand in these test ids, as words of their own."""
    rows, modules = set(), set()
    for test_id in test_ids:
        name = test_id.partition("::")[2]
        rows |= {row.upper() for row in re.findall(r"(?<![A-Za-z0-9])[a-z]\d\d(?![0-9A-Za-z])", name, re.IGNORECASE)}
        modules |= set(re.findall(r"(?<![a-z0-9-])oidcc-client-test(?:-[a-z0-9]+)*|(?<=[\[-])rp-[a-z-]+", name))
    return Matrix(matrix.rows & rows, matrix.modules & modules)


def summary(test_ids: Iterable[str]) -> str:
    """Return the line that tells how much of the matrix these tests cover; nothing where they cover none of it."""
    matrix = read_matrix()
    found = covered(test_ids, matrix)
    if not found:
        return ""
    return (
        f"protocol matrix: {len(found.rows)} of {len(matrix.rows)} rows and {len(found.modules)} of "
        f"{len(matrix.modules)} certification modules covered by tests that passed"
    )
