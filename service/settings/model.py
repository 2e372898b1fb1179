"""The settings and what they have to satisfy."""

import os
import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from service.settings.keys import decode_key, key_problems
from service.settings.problems import SettingsError
from service.settings.sources import PREFIX, FileSource, Listed

_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\-:\[\]]+(/[!-\[\]-_a-z~]*)?", re.ASCII)
MOST_LOG_DAYS = 3650
"""Ten years: longer than anybody has to answer for a sign-in."""
_HOST_AND_PORT = re.compile(r"(\[[^\]]+\]|[^:\[\]]*)(:\d{1,5})?")


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

    google_issuer: str = "https://accounts.google.com"
    google_client_id: str | None = None
    google_client_secret: SecretStr | None = None

    allow_loopback_providers: bool | None = None
    provider_hosts: Annotated[frozenset[str], NoDecode, Listed] = frozenset()

    checkpoint_seconds: int = Field(default=60, ge=1, le=24 * 3600)
    checkpoint_dir: Path | None = None
    checkpoint_url: str | None = None
    checkpoint_token: SecretStr | None = None

    session_idle_minutes: int = Field(default=12 * 60, ge=5, le=60 * 24 * 30)
    session_absolute_hours: int = Field(default=24 * 7, ge=1, le=24 * 90)
    sign_in_log_days: int = 400
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
            if not _is_plain_address(origin) or origin != f"{parts.scheme}://{parts.netloc}":
                message = f"{origin} is not an origin; write it as https://app.example.com, without a path"
                raise ValueError(message)
        return value

    @field_validator("app_url")
    @classmethod
    def _app_url_is_an_address(cls, value: str | None) -> str | None:
        if value and not _is_plain_address(value):
            message = (
                "it is where a sign-in lands; write it as https://app.example.com or https://app.example.com/home, "
                "without a name or password in it"
            )
            raise ValueError(message)
        return value or None

    @field_validator("checkpoint_url")
    @classmethod
    def _checkpoints_go_by_https(cls, value: str | None) -> str | None:
        if value and not (value.startswith("https://") and _is_plain_address(value)):
            message = "it is where checkpoints are posted to; write it as https://notary.example.net/keyledger"
            raise ValueError(message)
        return value or None

    @field_validator("google_issuer")
    @classmethod
    def _google_issuer_is_one(cls, value: str) -> str:
        if not _is_plain_address(value):
            message = (
                "it is an OpenID issuer, such as https://accounts.google.com; remove it to sign in with Google itself"
            )
            raise ValueError(message)
        return value

    @field_validator("sign_in_log_days")
    @classmethod
    def _the_log_is_kept_for_days(cls, value: int) -> int:
        if not 1 <= value <= MOST_LOG_DAYS:
            message = f"it is for how many days sign-ins are kept: 1 to {MOST_LOG_DAYS}; never none, and never for ever"
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
        problems = [*key_problems(self.secret_keys, required=self.production)]
        if bool(self.google_client_id) != bool(self.google_client_secret):
            problems.append(
                "Sign-in with Google needs both KEYLEDGER_GOOGLE_CLIENT_ID and KEYLEDGER_GOOGLE_CLIENT_SECRET; set the "
                "other one, or remove the one that is set."
            )
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
    def google(self) -> bool:
        """Whether people may sign in with Google."""
        return bool(self.google_client_id and self.google_client_secret)

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


def _is_plain_address(text: str) -> bool:
    """Whether browsers and we read the address alike: scheme, host and port, then a path, and nobody's name."""
    if _ADDRESS.fullmatch(text) is None:
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _is_database_url(text: str) -> bool:
    scheme, found, rest = text.partition("://")
    hosts = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].split(",")
    return bool(found) and scheme in {"postgres", "postgresql"} and all(map(_HOST_AND_PORT.fullmatch, hosts))


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
