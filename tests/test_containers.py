"""The container files: least privilege, secrets as files, the migration before the service."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from support.compose import Compose, read_compose

from service.embedded import LOCALE, make_socket_directory, socket_url
from service.postgres_process import PORT, PostgresServer, initialise, reachable_binaries, server_user, wheel_binaries
from service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"


@pytest.fixture
def compose() -> Compose:
    """The Compose file, as Compose understands it."""
    return read_compose(DOCKER / "compose.yaml")


def test_the_migration_runs_after_the_database_and_before_the_service(compose: Compose) -> None:
    conditions = {name: link.condition for name, link in compose.services["service"].depends_on.items()}
    assert conditions == {"postgres": "service_healthy", "migrate": "service_completed_successfully"}
    assert compose.services["migrate"].depends_on["postgres"].condition == "service_healthy"
    assert compose.services["postgres"].healthcheck is not None


def test_ports_are_open_to_this_machine_only_and_the_databases_to_none(compose: Compose) -> None:
    assert [port for service in compose.services.values() for port in service.ports] == ["127.0.0.1:8080:8080"]
    assert compose.services["postgres"].networks == ["database"]
    assert compose.networks["database"].internal


def test_every_setting_that_is_passed_exists(compose: Compose) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    passed = {name for service in compose.services.values() for name in service.environment if name.startswith(PREFIX)}
    assert {name.removesuffix("_FILE") for name in passed} <= known


def test_secrets_are_files_given_to_those_alone_that_need_them(compose: Compose) -> None:
    for service in compose.services.values():
        for value in service.environment.values():
            for name in re.findall(r"^/run/secrets/(\w+)$", str(value)):
                assert name in service.secrets
        assert set(service.secrets) <= set(compose.secrets)
    assert "owner_database_url" not in compose.services["service"].secrets


def test_the_service_and_the_migration_can_write_nothing_and_gain_no_privilege(compose: Compose) -> None:
    for name in ("service", "migrate"):
        service = compose.services[name]
        assert service.read_only
        assert service.cap_drop == ["ALL"]
        assert service.security_opt == ["no-new-privileges:true"]


def test_the_image_runs_as_a_numbered_user_and_tells_whether_it_is_healthy() -> None:
    lines = (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines()
    final = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    users = [line.split()[1] for line in final if line.startswith("USER ")]
    assert [int(part) > 0 for part in users[-1].split(":")] == [True, True]
    assert any(line.startswith("HEALTHCHECK ") for line in final)


def test_everything_that_the_image_copies_is_let_through_to_the_build() -> None:
    let_through = {
        line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied: set[str] = set()
    for line in (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            copied |= set(line.split()[1:-1])
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)


@pytest.fixture
def secrets(compose: Compose, tmp_path: Path) -> Path:
    """The secrets that the script makes, in a directory of this test's own."""
    script = shutil.copy(DOCKER / "make-secrets", tmp_path)
    subprocess.run([script], check=True)
    return tmp_path / "secrets"


def test_the_script_makes_every_secret_once_and_behind_a_closed_door(compose: Compose, secrets: Path) -> None:
    assert {Path(secret.file).name for secret in compose.secrets.values()} == {path.name for path in secrets.iterdir()}
    assert secrets.stat().st_mode & 0o777 == 0o700
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    subprocess.run([secrets.parent / "make-secrets"], check=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before


def test_production_accepts_the_secrets_that_the_script_makes(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KEYLEDGER_DATABASE_URL_FILE", str(secrets / "app_database_url"))
    monkeypatch.setenv("KEYLEDGER_SECRET_KEYS_FILE", str(secrets / "secret_keys"))
    settings = Settings(env="production", base_url="https://id.example.com")
    assert len(settings.key_bytes) == 1


@pytest.fixture
def bare_server() -> Iterator[Path]:
    """The socket directory of a new server with an empty database keyledger and no roles of ours."""
    user = server_user()
    home = Path(tempfile.mkdtemp(prefix="keyledger-bare-"))
    home.chmod(0o711)
    binaries = reachable_binaries(wheel_binaries(), user, home)
    initialise(binaries, user, home / "data", ["CREATE DATABASE keyledger"], *LOCALE)
    sockets = make_socket_directory(user)
    server = PostgresServer(home / "data", sockets, home / "log")
    server.start(binaries, user, {"fsync": "off"})
    yield sockets
    server.stop()
    shutil.rmtree(home)
    shutil.rmtree(sockets)


@pytest.mark.db
async def test_the_roles_are_made_with_the_passwords_from_the_secrets(
    bare_server: Path, secrets: Path, tmp_path: Path
) -> None:
    script = (DOCKER / "init-roles.sql").read_text(encoding="utf-8")
    (tmp_path / "roles.sql").write_text(script.replace("/run/secrets", str(secrets)))
    server = ["--host", str(bare_server), "--port", str(PORT), "--username", "postgres", "keyledger"]
    psql = [str(wheel_binaries() / "psql"), "--no-psqlrc", "--file", str(tmp_path / "roles.sql"), *server]
    subprocess.run(psql, check=True, capture_output=True)  # noqa: ASYNC221 - nothing else runs on this loop
    connection = await asyncpg.connect(socket_url(bare_server, "postgres"))
    roles = await connection.fetch(
        "SELECT rolname, rolcanlogin, rolpassword IS NOT NULL AS locked FROM pg_authid WHERE rolname LIKE 'keyledger%'"
        " ORDER BY rolname"
    )
    assert [tuple(role) for role in roles] == [
        ("keyledger_app", True, True),
        ("keyledger_owner", True, True),
        ("keyledger_runtime", False, False),
    ]
    assert await connection.fetchval("SELECT pg_has_role('keyledger_app', 'keyledger_runtime', 'member')")
    await connection.close()
