"""A missing program skips what needs it on a developer's machine, and fails it where nothing may be skipped."""

import subprocess
from pathlib import Path

import pytest
from support.programs import needs_program

NEED = Path(__file__).parents[1] / ".ci" / "need"


def test_without_ci_the_test_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="bring it: no-such-package"):
        needs_program("no-such-program", "no-such-package")


def test_with_ci_the_test_fails_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="bring it: no-such-package"):
        needs_program("no-such-program", "no-such-package")


def test_a_program_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    needs_program("sh", "dash")
    needs_program("/bin/sh", "dash")


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)], ids=["without CI", "with CI"])
def test_a_program_that_may_be_missing_is_needed_where_ci_is_set(tmp_path: Path, ci: str, code: int) -> None:
    """Asked on a machine that has neither the program nor a package manager."""
    for name in ("bash", "id"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    command = ["/usr/bin/bash", str(NEED), "?no-such-program=no-such-package+another", "?bash=bash"]
    done = subprocess.run(command, env={"PATH": str(tmp_path), "CI": ci}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert "no-such-package another" in done.stderr
    assert ("skipped" in done.stderr) is not bool(ci)
