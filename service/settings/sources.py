"""Where settings come from beside the environment itself: files that it names, and lists written in one line."""

import os
from pathlib import Path
from typing import Any

from pydantic import BeforeValidator
from pydantic_settings import PydanticBaseSettingsSource

from service.settings.problems import SettingsError

PREFIX = "KEYLEDGER_"


def _listed(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.replace("\n", ",").split(",") if part.strip()]
    return value


Listed = BeforeValidator(_listed)


class FileSource(PydanticBaseSettingsSource):
    """Reads ``KEYLEDGER_<NAME>_FILE``: the setting's value is what the file holds, without trailing line ends."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  given by the base
        """Return the content of the file that the environment names for this field, if it names one."""
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if path is None:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except OSError as error:
            message = f"{PREFIX}{field_name.upper()}_FILE names {path}, which cannot be read: {error.strerror}."
            raise SettingsError([message]) from None

    def __call__(self) -> dict[str, Any]:
        """Return the fields that come from files."""
        found = ((name, self.get_field_value(field, name)[0]) for name, field in self.settings_cls.model_fields.items())
        return {name: value for name, value in found if value is not None}
