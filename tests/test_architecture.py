"""Rules on the source as a whole that no linter of ours can hold."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("service", "events", "projections")
MOST_LINES = 400
VAGUE = {"utils", "helpers", "common", "manager", "base"}


def sources(package: str) -> list[Path]:
    """Return all modules of a package."""
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted names that a module imports, ``from a import b`` as ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_module_is_one_concept_with_a_name_that_says_which(package: str) -> None:
    for path in sources(package):
        assert path.stem not in VAGUE, path
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, path


def test_the_relying_party_knows_nothing_of_the_web_server_it_serves() -> None:
    for path in sources("service/oidc"):
        assert not [name for name in imported(path) if name.startswith("aiohttp.web")], path


@pytest.mark.parametrize("package", PACKAGES)
def test_only_the_settings_read_the_environment(package: str) -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in sources(package)
        if any(
            isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    }
    # The supervisor, the database server and the demonstration pass an environment on to their children; the command
    # line is a program of its own when it speaks to the HTTP API; the metrics heed the variable by which
    # prometheus-client itself is told.
    known = {f"service/{name}.py" for name in ("serve", "postgres_process", "metrics", "demo/processes")}
    assert {name for name in readers - known if not name.startswith(("service/cli", "service/settings/"))} == set()


def test_no_test_directory_is_a_package_that_could_shadow_ours() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def listed_modules() -> Counter[str]:
    """Return how often service/ARCHITECTURE.md names each module under "Every module"."""
    text = (ROOT / "service/ARCHITECTURE.md").read_text(encoding="utf-8")
    named: Counter[str] = Counter()
    for part in text.partition("## Every module")[2].partition("## ")[0].split("**`")[1:]:
        folder, _, entries = part.partition("/`**")
        named.update(f"{folder}/{name}.py" for name in re.findall(r"`(\w+)`", entries))
    return named


def test_the_architecture_names_each_module_once_and_none_that_is_gone() -> None:
    modules = {path.relative_to(ROOT).as_posix() for package in PACKAGES for path in sources(package)}
    named = listed_modules()
    there = {name for name in modules if not name.endswith("/__init__.py")}
    assert there - named.keys() == set(), "add these to the lists in service/ARCHITECTURE.md"
    assert named.keys() - there == set(), "take these out of the lists in service/ARCHITECTURE.md"
    assert [name for name, times in named.items() if times > 1] == []
