"""The installed package: complete, and the only one that brings our three names."""

import subprocess
import sys
import zipfile
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("service", "events", "projections")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The wheel, built from the source as it stands."""
    place = tmp_path_factory.mktemp("wheel")
    build = ["-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-cache-dir"]
    subprocess.run([sys.executable, *build, "--wheel-dir", str(place), str(ROOT)], check=True)
    (made,) = place.glob("keyledger-*.whl")
    return zipfile.Path(made)


def test_the_wheel_holds_everything_that_the_code_reads_at_run_time(wheel: zipfile.Path) -> None:
    held = set(wheel.root.namelist())
    kinds = {".py", ".sql", ".html", ".txt", ".css", ".js", ".svg", ".json"}
    needed = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in kinds
    }
    assert needed - held == set()
    assert any(name.endswith(".sql") for name in needed)


def test_the_wheel_brings_our_packages_and_nothing_else(wheel: zipfile.Path) -> None:
    tops = {name.split("/")[0] for name in wheel.root.namelist()}
    assert {name for name in tops if not name.endswith(".dist-info")} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_brings_a_package_of_the_same_name(package: str) -> None:
    assert set(packages_distributions().get(package, ["keyledger"])) == {"keyledger"}


def test_one_command_is_installed() -> None:
    commands = distribution("keyledger").entry_points.select(group="console_scripts")
    assert [(command.name, command.value) for command in commands] == [("keyledger", "service.cli:main")]
