"""The part of the Compose specification that our file uses; a key which it does not know is refused."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

Duration = Annotated[str, Field(pattern=r"^\d+(ms|s|m|h)$")]


class Strict(BaseModel):
    """Knows its keys and types; a misspelt key is an error, as it is to Compose."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Healthcheck(Strict):
    """How a container is found to be healthy."""

    test: list[str] | None = None
    disable: bool = False
    interval: Duration | None = None
    timeout: Duration | None = None
    start_period: Duration | None = None
    retries: int | None = None


class Build(Strict):
    """Where an image is built from, relative to the file."""

    context: str
    dockerfile: str


class Dependency(Strict):
    """What another service has to have reached."""

    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]


class Service(Strict):
    """One container."""

    image: str
    build: Build | None = None
    command: list[str] | None = None
    environment: dict[str, str | int | None] = {}
    secrets: list[str] = []
    volumes: list[str] = []
    ports: list[str] = []
    networks: list[str] = []
    depends_on: dict[str, Dependency] = {}
    healthcheck: Healthcheck | None = None
    restart: Literal["no", "always", "on-failure", "unless-stopped"] = "no"
    read_only: bool = False
    tmpfs: list[str] = []
    cap_drop: list[str] = []
    security_opt: list[str] = []
    shm_size: str | None = None
    stop_grace_period: Duration | None = None


class Network(Strict):
    """A network between containers; an internal one leads nowhere else."""

    internal: bool = False


class Volume(Strict):
    """A named volume."""


class Secret(Strict):
    """A file that is mounted as /run/secrets/NAME."""

    file: str


class Compose(Strict):
    """The whole file."""

    name: str
    services: dict[str, Service]
    networks: dict[str, Network]
    volumes: dict[str, Volume]
    secrets: dict[str, Secret]


def read_compose(path: Path) -> Compose:
    """Read a Compose file. Raises ``pydantic.ValidationError`` for whatever Compose would not understand."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Compose.model_validate({key: value for key, value in content.items() if not key.startswith("x-")})
