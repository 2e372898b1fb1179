"""What can be set of the demonstration, beside the service's own settings: environment, prefix ``KEYLEDGER_DEMO_``."""

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.settings import SettingsError

PREFIX = "KEYLEDGER_DEMO_"


class DemoOptions(BaseSettings):
    """Where the demonstration's provider listens for browsers, and where it catches mails."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    provider_port: int = Field(default=8081, ge=1, le=65535)
    smtp_port: int = Field(default=8025, ge=1, le=65535)


def load_options() -> DemoOptions:
    """Read the options.

    Raises:
        SettingsError: with one sentence for each that cannot be used.
    """
    try:
        return DemoOptions()
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        raise SettingsError([f"{PREFIX}{str(item['loc'][0]).upper()}: {item['msg']}." for item in found]) from None
