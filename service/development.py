"""What development makes by itself so that one command runs it all: keys, kept in the data directory."""

import base64
import os
from pathlib import Path

from pydantic import SecretStr

from service.settings import MINIMUM_KEY_BYTES, Settings, SettingsError

KEY_FILE = "secret-keys"


def with_development_keys(settings: Settings) -> Settings:
    """Return the settings with secret keys: the given ones, else those in the data directory, made there once.

    Raises:
        SettingsError: when the data directory cannot be written.
    """
    if settings.secret_keys or settings.production:
        return settings
    path = settings.data_directory / KEY_FILE
    try:
        text = _kept_key(path)
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror}). Set KEYLEDGER_DATA_DIR to a directory of yours."
        raise SettingsError([message]) from None
    return settings.model_copy(update={"secret_keys": tuple(SecretStr(line) for line in text.split())})


def _kept_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = base64.b64encode(os.urandom(MINIMUM_KEY_BYTES)).decode()
    draft = path.with_name(f"{KEY_FILE}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(fresh + "\n")
    try:
        # A link either makes the whole file or finds another process's: two first starts end with one key.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()
