"""Reads the settings, and tells a misspelt name the right one."""

import difflib
import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource

from events.mistakes import mistake
from service.settings.model import Settings
from service.settings.problems import SettingsError
from service.settings.sources import PREFIX

CLIENT_VARIABLES = frozenset({"KEYLEDGER_URL", "KEYLEDGER_TOKEN"})
"""Read by the command line's support verbs, not by the service."""


def _misspelt(names: Iterable[str]) -> list[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known} | CLIENT_VARIABLES
    problems = []
    for name in sorted(set(names) - known):
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.85) if name.startswith(PREFIX) else []
        if close:
            problems.append(f"{name} is not a setting. Did you mean {close[0]}?")
    return problems


def _names_in(dotenv: str | None) -> Iterable[str]:
    return (name.upper() for name in DotEnvSettingsSource(Settings, env_file=dotenv).env_vars)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: with one sentence for each setting that is missing, misspelt or cannot be used.
    """
    dotenv = None if os.environ.get(f"{PREFIX}ENV") == "production" else ".env"
    problems = _misspelt({*os.environ, *_names_in(dotenv)})
    try:
        settings = Settings(_env_file=dotenv, **overrides)
    except SettingsError as error:
        raise SettingsError(problems + error.problems) from None
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        told = {f"{PREFIX}{str(item['loc'][0]).upper()}: {mistake(item)}": item["loc"][0] for item in found}
        raise SettingsError([*problems, *told, *_others(dotenv, overrides, set(map(str, told.values())))]) from None
    if problems:
        raise SettingsError(problems)
    return settings


def _others(dotenv: str | None, overrides: Mapping[str, Any], unusable: Collection[str]) -> list[str]:
    """Return what else is wrong, as it would be told next if those that cannot be used were mended."""
    defaults = {name: Settings.model_fields[name].get_default(call_default_factory=True) for name in unusable}
    try:
        Settings(_env_file=dotenv, **{**overrides, **defaults})
    except SettingsError as error:
        about = [f"{PREFIX}{name.upper()} " for name in unusable]
        return [problem for problem in error.problems if not problem.startswith(tuple(about))]
    return []
