"""The committed table of protocol ids: none of them is without a test."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.matrix import covered, read_matrix

ROOT = Path(__file__).parent.parent.parent


def collected(request: pytest.FixtureRequest) -> list[str]:
    """Return the ids of all tests: those of this run if it is a whole one, else asked for in a run of its own."""
    config = request.config
    asked = {(config.invocation_params.dir / arg).resolve() for arg in config.args}
    is_whole = bool(asked & {ROOT, ROOT / "tests"})
    if is_whole and not (config.option.keyword or config.option.markexpr or config.option.deselect):
        return [item.nodeid for item in request.session.items]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    return [line for line in listed.stdout.splitlines() if "::" in line]


def test_every_id_of_the_matrix_is_carried_by_a_test(request: pytest.FixtureRequest) -> None:
    matrix = read_matrix()
    assert len(matrix.rows) > 90
    assert len(matrix.modules) > 20
    missing = matrix - covered(collected(request), matrix)
    assert not missing, f"no test carries {sorted(missing.rows | missing.modules)}"


def test_an_id_counts_only_as_a_word_of_its_own() -> None:
    matrix = read_matrix()
    ids = [
        "t.py::test_a01_b05_x",
        "t.py::test_x[J01 none]",
        "t.py::test_y[C999]",
        "J02/t.py::test_z",
        "t.py::test_ha03",
    ]
    assert covered(ids, matrix).rows == {"A01", "B05", "J01"}
    named = covered(["t.py::test_basic_plan[oidcc-client-test-missing-sub]"], matrix).modules
    assert named == {"oidcc-client-test-missing-sub"}, "a module's name does not count for those that begin alike"
