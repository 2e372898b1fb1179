"""Every setting, read once at start from the environment (prefix ``KEYLEDGER_``).

Each setting can come from a file instead: ``KEYLEDGER_SECRET_KEYS_FILE=/run/secrets/keys``. In
development a ``.env`` file in the working directory is read as well. All that is wrong is reported at once, each with a
sentence that says what to do.
"""

from service.settings.keys import MINIMUM_KEY_BYTES, decode_key
from service.settings.loading import CLIENT_VARIABLES, load_settings
from service.settings.model import Settings
from service.settings.problems import SettingsError
from service.settings.sources import PREFIX

__all__ = [
    "CLIENT_VARIABLES",
    "MINIMUM_KEY_BYTES",
    "PREFIX",
    "Settings",
    "SettingsError",
    "decode_key",
    "load_settings",
]
