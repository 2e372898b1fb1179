"""Settings: secure by default in production, one command in development, and every mistake named at once."""

import base64
import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.development import KEY_FILE, with_development_keys
from service.settings import Settings, SettingsError, decode_key, load_settings

KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test starts from an environment without any of our variables and without a .env file."""
    for name in [name for name in os.environ if name.startswith("KEYLEDGER_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def production(**changes: object) -> Settings:
    """Load settings that production accepts, with some of them changed."""
    good: dict[str, object] = {
        "env": "production",
        "base_url": "https://id.example.com",
        "database_url": "postgresql://keyledger_app@db/keyledger",
        "secret_keys": KEY,
    }
    return load_settings(**{**good, **changes})


def problems_of(**changes: object) -> str:
    """Return all that production says against these settings."""
    with pytest.raises(SettingsError) as refused:
        production(**changes)
    return "\n".join(refused.value.problems)


def test_one_command_needs_no_settings() -> None:
    """Development starts with nothing set: an embedded database, loopback providers, migrations by itself."""
    settings = load_settings()
    assert settings.database_url is None
    assert settings.loopback_providers
    assert settings.migrates
    assert settings.public_url == "http://127.0.0.1:8080"
    assert not settings.secure_cookies


def test_production_is_strict_by_default() -> None:
    """Production migrates on request only, refuses loopback providers and marks cookies Secure."""
    settings = production()
    assert not settings.migrates
    assert not settings.loopback_providers
    assert settings.secure_cookies


def test_production_names_everything_that_is_missing_at_once() -> None:
    """A missing key, database and https address stop the start with one sentence each."""
    told = problems_of(base_url="http://id.example.com", database_url=None, secret_keys="")
    assert "KEYLEDGER_SECRET_KEYS is missing" in told
    assert "KEYLEDGER_DATABASE_URL is missing" in told
    assert "KEYLEDGER_BASE_URL has to be the https address" in told


@pytest.mark.parametrize(
    "weak",
    ["c2hvcnQ=", base64.b64encode(b"\x00" * 32).decode(), base64.b64encode(b"ab" * 16).decode(), "not base64 at all!"],
    ids=["short", "zeros", "regular", "not base64"],
)
def test_production_refuses_a_weak_key_without_echoing_it(weak: str) -> None:
    """A weak key stops the start; the sentence says how to make a good one and does not repeat the key."""
    told = problems_of(secret_keys=weak)
    assert "Make one with" in told
    assert weak not in told


def test_loopback_providers_belong_to_development() -> None:
    """Production does not start with providers on loopback allowed."""
    assert "belongs to development" in problems_of(allow_loopback_providers=True)


@pytest.mark.parametrize(
    "bad", ["ftp://x", "https://id.example.com/path", "https://id.example.com?x=1", "id.example.com"]
)
def test_a_base_url_is_an_origin(bad: str) -> None:
    """The base URL is scheme and host alone, since cookies and redirect URIs build on it."""
    assert "KEYLEDGER_BASE_URL" in problems_of(base_url=bad)


def test_a_trailing_slash_on_the_base_url_is_forgiven() -> None:
    """The redirect URI never contains a double slash."""
    assert production(base_url="https://id.example.com/").public_url == "https://id.example.com"


def test_a_misspelt_variable_is_named_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo is not silently ignored."""
    monkeypatch.setenv("KEYLEDGER_BASEURL", "https://id.example.com")
    with pytest.raises(SettingsError, match="Did you mean KEYLEDGER_BASE_URL"):
        load_settings()


def test_a_misspelt_name_in_the_file_is_told_as_well(tmp_path: Path) -> None:
    """What stands in ``.env`` counts like the environment, mistakes included."""
    (tmp_path / ".env").write_text("KEYLEDGER_PROT=8081\nPATHS=x\n")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert refused.value.problems == ["KEYLEDGER_PROT is not a setting. Did you mean KEYLEDGER_PORT?"]


def test_what_is_wrong_with_one_value_hides_nothing_of_what_is_wrong_with_others() -> None:
    """All of it is told at once, each once and in words for people."""
    told = problems_of(
        port=99999, trusted_proxies="10.0.0.0/99", database_url="db", base_url="http://id.example.com", secret_keys=""
    ).splitlines()
    assert told[:3] == [
        "KEYLEDGER_PORT: The most is 65535.",
        "KEYLEDGER_TRUSTED_PROXIES: Give networks such as 10.0.0.0/8 or 2001:db8::/32.",
        (
            "KEYLEDGER_DATABASE_URL: It has to look like postgresql://keyledger_app:...@host:5432/keyledger, with "
            "special characters of the password percent-encoded."
        ),
    ]
    assert [line.split(" ", 1)[0] for line in told[3:]] == ["KEYLEDGER_SECRET_KEYS", "KEYLEDGER_BASE_URL"]


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are written with commas."""
    monkeypatch.setenv("KEYLEDGER_SSO_PLANS", "one, scale")
    monkeypatch.setenv("KEYLEDGER_TRUSTED_PROXIES", "10.0.0.0/8,::1/128")
    settings = load_settings()
    assert settings.sso_plans == {"one", "scale"}
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]


def test_a_secret_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``KEYLEDGER_SECRET_KEYS_FILE`` names a file with one key a line, newest first."""
    path = tmp_path / "keys"
    path.write_text(f"{KEY}\n{base64.b64encode(bytes(range(1, 33))).decode()}\n")
    monkeypatch.setenv("KEYLEDGER_SECRET_KEYS_FILE", str(path))
    assert load_settings().key_bytes == [bytes(range(32)), bytes(range(1, 33))]


def test_a_missing_secret_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable file stops the start with its name."""
    monkeypatch.setenv("KEYLEDGER_SMTP_URL_FILE", "/nowhere/smtp")
    with pytest.raises(SettingsError, match="/nowhere/smtp"):
        load_settings()


def test_secrets_do_not_show_in_a_repr() -> None:
    """Printing the settings shows no key and no database password."""
    shown = repr(production(database_url="postgresql://app:planted-password@db/keyledger"))
    assert "planted-password" not in shown
    assert KEY not in shown


@pytest.mark.parametrize(
    "bad",
    [
        "https://app.example.com/",
        "app.example.com",
        "javascript://x",
        "https://ada@app.example.com",
        "https://app.example.com:99999",
        "https://:443",
    ],
)
def test_an_origin_of_the_host_application_is_an_origin(bad: str) -> None:
    """An origin with a path or without a scheme is refused, since targets are compared with it exactly."""
    assert "is not an origin" in problems_of(app_origins=bad)


@pytest.mark.parametrize(
    "bad",
    [
        "app.example.com",
        "/home",
        "//app.example.com",
        "javascript:alert(1)",
        "ftp://app.example.com",
        "https://ada:secret@app.example.com/",
        "https:/app.example.com",
        "https://app.example.com:99999/",
        "https://app.example.com\\@evil.example/",
        "https://app.example.com/a b",
        "https://app.example.com/\n",
        "https://",
    ],
)
def test_where_a_sign_in_lands_is_a_whole_address(bad: str) -> None:
    """Anything else stops the start: its origin is registered, and every sign-in is sent there."""
    assert "KEYLEDGER_APP_URL" in problems_of(app_url=bad)


@pytest.mark.parametrize(
    "good", ["https://app.example.com", "http://localhost:3000/home?from=id#top", "https://[::1]/"]
)
def test_where_a_sign_in_lands_may_have_a_path(good: str) -> None:
    """And it may be nowhere: then it is the account page."""
    assert production(app_url=good).app_url == good
    assert production(app_url="").app_url is None


def test_development_makes_its_keys_once_and_keeps_them(tmp_path: Path) -> None:
    """A second start finds the first one's key, readable by its owner alone."""
    settings = load_settings(data_dir=tmp_path / "data")
    first = with_development_keys(settings)
    second = with_development_keys(settings)
    assert first.secret_keys == second.secret_keys
    assert len(decode_key(first.secret_keys[0])) == 32
    assert (tmp_path / "data" / KEY_FILE).stat().st_mode & 0o077 == 0


def test_given_keys_are_left_alone(tmp_path: Path) -> None:
    """Keys from the environment win over the kept ones."""
    settings = load_settings(data_dir=tmp_path, secret_keys=(SecretStr(KEY),))
    assert with_development_keys(settings).secret_keys == (SecretStr(KEY),)
    assert not (tmp_path / KEY_FILE).exists()


def test_google_needs_both_halves_of_its_client() -> None:
    assert not load_settings().google
    assert load_settings(google_client_id="client", google_client_secret=SecretStr("secret")).google
    with pytest.raises(SettingsError, match=r"KEYLEDGER_GOOGLE_ISSUER: It is an OpenID issuer"):
        load_settings(google_issuer="accounts.google.com")
    for half in ({"google_client_id": "client"}, {"google_client_secret": SecretStr("secret")}):
        with pytest.raises(SettingsError, match="needs both KEYLEDGER_GOOGLE_CLIENT_ID and"):
            load_settings(**half)


@pytest.mark.parametrize("bad", [0, -1, 3651])
def test_the_sign_in_log_is_kept_for_some_days_and_never_for_ever(bad: int) -> None:
    """Zero could mean nothing or for ever: neither is guessed."""
    told = problems_of(sign_in_log_days=bad)
    assert "KEYLEDGER_SIGN_IN_LOG_DAYS" in told
    assert "1 to 3650; never none, and never for ever" in told
