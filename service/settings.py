"""Every setting, read once at start from the environment (prefix ``KEYLEDGER_``).

A setting that bears a secret can come from a file instead: ``KEYLEDGER_SECRET_KEYS_FILE=/run/secrets/keys``. In
development a ``.env`` file in the working directory is read as well. All that is wrong is reported at once, each with a
sentence that says what to do.
"""

import base64
import binascii
import difflib
import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX = "KEYLEDGER_"
CLIENT_VARIABLES = frozenset({"KEYLEDGER_URL", "KEYLEDGER_TOKEN"})
"""Read by the command line's support verbs, not by the service."""

MINIMUM_KEY_BYTES = 32
_HOST_AND_PORT = re.compile(r"(\[[^\]]+\]|[^:\[\]]*)(:\d{1,5})?")


class SettingsError(Exception):
    """The service cannot start as it is set up. ``problems`` holds one sentence for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


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


class Settings(BaseSettings):
    """What the operator decides. Durations and sizes carry their unit in the name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    env: Literal["development", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    base_url: str = ""
    workers: int = Field(default=1, ge=1, le=64)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, Listed] = ()

    database_url: SecretStr | None = None
    owner_database_url: SecretStr | None = None
    database_pool_size: int = Field(default=10, ge=2, le=100)
    migrate_on_start: bool | None = None
    data_dir: Path | None = None
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode, Listed] = ()

    smtp_url: SecretStr | None = None
    mail_from: str = "Keyledger <no-reply@localhost>"

    sso_plans: Annotated[frozenset[str], NoDecode, Listed] = frozenset({"one"})
    require_verified_domains: bool = False
    mail_domains_allowed: Annotated[frozenset[str], NoDecode, Listed] = frozenset()
    mail_domains_denied: Annotated[frozenset[str], NoDecode, Listed] = frozenset()

    app_url: str | None = None
    app_origins: Annotated[tuple[str, ...], NoDecode, Listed] = ()
    support_contact: str | None = None

    allow_loopback_providers: bool | None = None
    provider_hosts: Annotated[frozenset[str], NoDecode, Listed] = frozenset()

    session_idle_minutes: int = Field(default=12 * 60, ge=5, le=60 * 24 * 30)
    session_absolute_hours: int = Field(default=24 * 7, ge=1, le=24 * 90)
    sign_in_log_days: int = Field(default=400, ge=1, le=3650)
    rate_per_minute: int = Field(default=120, ge=1, le=1_000_000)
    token_failures_per_minute: int = Field(default=20, ge=1, le=10_000)
    unready_seconds: int = Field(default=0, ge=0, le=60)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  given by the base
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: what code passes, the environment, files it names, and ``.env`` last."""
        return init_settings, env_settings, FileSource(settings_cls), dotenv_settings

    @field_validator("database_url", "owner_database_url")
    @classmethod
    def _database_urls_are_urls(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _is_database_url(value.get_secret_value()):
            message = (
                "it has to look like postgresql://keyledger_app:...@host:5432/keyledger, "
                "with special characters of the password percent-encoded"
            )
            raise ValueError(message)
        return value

    @field_validator("app_origins")
    @classmethod
    def _origins_are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            bare = f"{parts.scheme}://{parts.netloc}"
            if parts.scheme not in {"http", "https"} or not parts.hostname or origin != bare:
                message = f"{origin} is not an origin; write it as https://app.example.com, without a path"
                raise ValueError(message)
        return value

    @field_validator("base_url")
    @classmethod
    def _base_url_is_bare(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username
        ):
            message = "it has to look like https://id.example.com"
            raise ValueError(message)
        if parts.path.rstrip("/"):
            message = "it has to be a host of its own, without a path: https://id.example.com"
            raise ValueError(message)
        return f"{parts.scheme}://{parts.netloc}"

    @model_validator(mode="after")
    def _fit_for_production(self) -> Self:
        problems = [*_key_problems(self.secret_keys, required=self.production)]
        if self.production:
            problems += _production_problems(self)
        if problems:
            raise SettingsError(problems)
        return self

    @property
    def production(self) -> bool:
        """Whether the strict rules hold."""
        return self.env == "production"

    @property
    def public_url(self) -> str:
        """The origin under which browsers and providers reach the service, without a trailing slash."""
        return self.base_url or f"http://{'[::1]' if self.host == '::1' else self.host}:{self.port}"

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies carry ``Secure`` and the ``__Host-`` prefix: whenever browsers come by https."""
        return self.public_url.startswith("https://")

    @property
    def loopback_providers(self) -> bool:
        """Whether a provider may live on this machine over plain http; in development unless switched off."""
        return not self.production if self.allow_loopback_providers is None else self.allow_loopback_providers

    @property
    def migrates(self) -> bool:
        """Whether ``serve`` brings the database up to date by itself; in development unless switched off."""
        return not self.production if self.migrate_on_start is None else self.migrate_on_start

    @property
    def data_directory(self) -> Path:
        """Where development keeps its database and keys."""
        if self.data_dir is not None:
            return self.data_dir
        return Path("/var/lib/keyledger") if os.geteuid() == 0 else Path.home() / ".local/share/keyledger"

    @property
    def key_bytes(self) -> list[bytes]:
        """The secret keys as bytes, newest first."""
        return [decode_key(key) for key in self.secret_keys]


def _is_database_url(text: str) -> bool:
    scheme, found, rest = text.partition("://")
    hosts = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].split(",")
    return bool(found) and scheme in {"postgres", "postgresql"} and all(map(_HOST_AND_PORT.fullmatch, hosts))


def decode_key(key: SecretStr) -> bytes:
    """Decode one secret key: base64 (either alphabet) of exactly 32 bytes. Raises ``ValueError`` otherwise."""
    text = key.get_secret_value().translate(str.maketrans("-_", "+/"))
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != MINIMUM_KEY_BYTES:
        message = "a key is the base64 of exactly 32 random bytes"
        raise ValueError(message)
    return raw


def _key_problems(keys: tuple[SecretStr, ...], *, required: bool) -> list[str]:
    advice = "Make one with: python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"
    if not keys:
        return [f"KEYLEDGER_SECRET_KEYS is missing. {advice}"] if required else []
    problems = []
    for place, key in enumerate(keys, start=1):
        try:
            raw = decode_key(key)
        except ValueError as error:
            problems.append(f"Key {place} of KEYLEDGER_SECRET_KEYS cannot be used: {error}. {advice}")
            continue
        if len(set(raw)) < MINIMUM_KEY_BYTES // 3:
            problems.append(f"Key {place} of KEYLEDGER_SECRET_KEYS is too regular to be random. {advice}")
    return problems


def _production_problems(settings: Settings) -> list[str]:
    problems = []
    if settings.database_url is None:
        problems.append(
            "KEYLEDGER_DATABASE_URL is missing. In production the database is yours to run: name it as "
            "postgresql://keyledger_app:...@host/keyledger."
        )
    if not settings.base_url.startswith("https://"):
        problems.append(
            "KEYLEDGER_BASE_URL has to be the https address under which browsers reach the service, such as "
            "https://id.example.com."
        )
    if settings.loopback_providers:
        problems.append("KEYLEDGER_ALLOW_LOOPBACK_PROVIDERS belongs to development; remove it.")
    return problems


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
