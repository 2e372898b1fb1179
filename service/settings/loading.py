"""Reads the settings, and tells a misspelt name the right one."""

import difflib
import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from service.settings.model import Settings
from service.settings.problems import SettingsError
from service.settings.sources import PREFIX

CLIENT_VARIABLES = frozenset({"KEYLEDGER_URL", "KEYLEDGER_TOKEN"})
"""Read by the command line's support verbs, not by the service."""


def _misspelt(environ: Mapping[str, str]) -> list[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known} | CLIENT_VARIABLES
    problems = []
    for name in sorted(set(environ) - known):
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.85) if name.startswith(PREFIX) else []
        if close:
            problems.append(f"{name} is not a setting. Did you mean {close[0]}?")
    return problems


def load_settings(**overrides: Any) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: with one sentence for each setting that is missing, misspelt or cannot be used.
    """
    problems = _misspelt(os.environ)
    dotenv = None if os.environ.get(f"{PREFIX}ENV") == "production" else ".env"
    try:
        settings = Settings(_env_file=dotenv, **overrides)
    except SettingsError as error:
        raise SettingsError(problems + error.problems) from None
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        told = [f"{PREFIX}{str(item['loc'][0]).upper() if item['loc'] else ''}: {item['msg']}." for item in found]
        raise SettingsError(problems + told) from None
    if problems:
        raise SettingsError(problems)
    return settings
