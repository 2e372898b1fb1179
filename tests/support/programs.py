"""Programs that tests start and that may not be installed."""

import os
import shutil

import pytest


def needs_program(program: str, packages: str) -> None:
    """Skip the test, with the reason, where a program is missing; fail it where ``CI`` is in the environment.

    ``program`` is a name on the PATH or an absolute path, ``packages`` are what Debian calls what installs it.
    """
    if shutil.which(program) is not None:
        return
    missing = f"{program} is not installed. On Debian these packages bring it: {packages}"
    if os.environ.get("CI"):
        pytest.fail(f"{missing}. Nothing is skipped where CI is set.", pytrace=False)
    pytest.skip(missing)
