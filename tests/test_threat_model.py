"""The threat model speaks of what is there: each file and each test that it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "service" / "THREAT_MODEL.md"
RFC_9700 = [f"4.{number}" for number in range(1, 18)]

NAMED = sorted(set(re.findall(r"`((?:service|events|projections|tests)/[^`\s]+)`", PAGE.read_text(encoding="utf-8"))))


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions)


def is_there(named: str) -> bool:
    path, _, test = named.partition("::")
    return (ROOT / path).exists() and (not test or test in names_in(ROOT / path))


def test_what_the_threat_model_names_exists() -> None:
    """One test for all: ids of protocol cases in its own id would count as tests of these cases."""
    assert len(NAMED) > 100
    assert [named for named in NAMED if not is_there(named)] == []


def rows() -> list[list[str]]:
    """Return the cells of each attack: what it is, where it is stopped, which tests show it."""
    attacks = PAGE.read_text(encoding="utf-8").partition("## The attacks of RFC 9700")[2]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in attacks.splitlines() if "`" in line]
    return [row for row in cells if len(row) == 3]


def test_every_attack_has_a_place_where_it_is_stopped_and_a_test_that_shows_it() -> None:
    assert len(rows()) > 40
    for attack, stopped, shown in rows():
        assert "`service/" in stopped or "`events/" in stopped, attack
        assert "`tests/" in shown, attack


@pytest.mark.parametrize("section", RFC_9700)
def test_every_attack_of_rfc_9700_is_answered(section: str) -> None:
    spoken = " ".join(attack for attack, _, _ in rows())
    assert re.search(rf"(?<![\d.]){re.escape(section)}(?!\d)", spoken)


def test_the_security_page_leads_to_it() -> None:
    assert "service/THREAT_MODEL.md" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
