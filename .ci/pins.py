"""Renews the pinned requirement files from pyproject.toml, by pip alone: names and versions, no addresses."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def resolved(requirements: list[str], agreeing_with: Path | None) -> list[str]:
    """Return exact pins of the requirements and of all that they need, in agreement with another pin file."""
    constraint = ["--constraint", str(agreeing_with)] if agreeing_with else []
    report = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    done = subprocess.run([*report, *constraint, *requirements], check=True, stdout=subprocess.PIPE, text=True)
    found = [package["metadata"] for package in json.loads(done.stdout)["install"]]
    versions = {re.sub("[-_.]+", "-", package["name"]).lower(): package["version"] for package in found}
    return [f"{name}=={versions[name]}" for name in sorted(versions)]


def main() -> None:
    """Write the three files: what runs, what builds the package, and what develops it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    run = project["project"]["dependencies"] + extras["embedded"] + extras["demo"]
    groups = project["dependency-groups"]
    build = groups["build"]
    develop = run + build + [item for item in groups["dev"] if isinstance(item, str)]
    pins = None
    for name, requirements in (("requirements", run), ("requirements-build", build), ("requirements-dev", develop)):
        path = ROOT / f"{name}.txt"
        path.write_text("\n".join(resolved(requirements, pins)) + "\n", encoding="utf-8")
        pins = pins or path


if __name__ == "__main__":
    main()
