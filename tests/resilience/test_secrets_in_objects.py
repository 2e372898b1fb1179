"""No object that holds a secret shows it when it is printed, formatted or raised."""

import traceback
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from support.database import TestDatabase
from support.oidc import NONCE, VERIFIER, credentials_at, fails, sign_in
from support.planted import CLIENT_SECRET, DATABASE_PASSWORD, SECRET_KEY, SMTP_PASSWORD, TellingProvider, found_in

from service.app import build_app
from service.clock import utc_now
from service.login.attempt import Attempt
from service.login.state import Draw
from service.oidc.client import RelyingParty
from service.oidc.http import ProviderClient
from service.oidc.policy import ProviderPolicy
from service.settings import Settings, SettingsError, decode_key, load_settings

OURS = ("service.", "events.", "projections.")
DEEP = 8


def parts(thing: object, depth: int = DEEP, seen: set[int] | None = None) -> Iterator[object]:
    """Yield an object of ours and what it is made of, down through containers."""
    seen = set() if seen is None else seen
    if depth == 0 or id(thing) in seen or isinstance(thing, (type, ModuleType, SecretStr, str, bytes)):
        return
    seen.add(id(thing))
    inside: list[Any] = []
    if type(thing).__module__.startswith(OURS):
        yield thing
        slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
        inside = [*vars(thing).values()] if hasattr(thing, "__dict__") else []
        inside += [getattr(thing, name) for name in slots if hasattr(thing, name)]
    elif isinstance(thing, dict):
        inside = [*thing.values()]
    elif isinstance(thing, (list, tuple, set, frozenset)):
        inside = [*thing]
    for one in inside:
        yield from parts(one, depth - 1, seen)


def shown(thing: object) -> str:
    """Return an object as a log line, a debugger or a message would show it."""
    return f"{thing!r} {thing} {thing:}" if type(thing).__format__ is object.__format__ else f"{thing!r} {thing}"


def planted_settings(database: TestDatabase) -> Settings:
    url = database.runtime_dsn.replace("@/", f":{DATABASE_PASSWORD}@/", 1)
    return load_settings(
        database_url=url,
        owner_database_url=url,
        secret_keys=(SECRET_KEY,),
        smtp_url=f"smtps://keyledger:{SMTP_PASSWORD}@127.0.0.1:1",
    )


async def test_nothing_that_the_running_application_holds_shows_a_secret(database: TestDatabase) -> None:
    app = build_app(planted_settings(database))
    async with TestServer(app):
        held = [part for value in list(app.values()) for part in parts(value)]
        told = "\n".join(shown(thing) for thing in held)
    kinds = {type(thing).__name__ for thing in held}
    assert {"Settings", "CookieBox", "KeyRing", "SecretVault", "WorkspaceCommands", "Flow", "RelyingParty"} <= kinds
    raw = decode_key(SecretStr(SECRET_KEY))
    assert found_in(told, {SMTP_PASSWORD, DATABASE_PASSWORD, SECRET_KEY, raw.hex(), repr(raw)[2:-1]}) == []


async def test_credentials_attempts_and_draws_show_no_secret() -> None:
    drawn = Draw("planted-state", "planted-nonce", "planted-verifier", "planted-challenge")
    attempt = Attempt("acme", "id", "https://acme.example", "0oa", "https://id.example", *drawn[:3], None, 0, "app")
    credentials = replace(credentials_at(TellingProvider()), client_secret=SecretStr(CLIENT_SECRET))
    assert "planted" not in "".join(shown(thing) for thing in (drawn, attempt, credentials))


@pytest.mark.parametrize("way", ["echo", "echo_page"])
@pytest.mark.parametrize("endpoint", ["token", "userinfo"])
async def test_what_is_raised_when_a_provider_echoes_shows_no_secret(endpoint: str, way: str) -> None:
    async with (
        TellingProvider(client_secret=CLIENT_SECRET) as provider,
        ProviderClient(ProviderPolicy(allow_loopback=True), clock=utc_now) as http,
    ):
        if endpoint == "userinfo":
            provider.claim_changes = {"email": None}
        provider.hooks[endpoint] = getattr(provider, way)
        error = await fails(sign_in(RelyingParty(http, utc_now), provider))
        told = shown(error) + "".join(traceback.format_exception(error)) + str(vars(error))
        assert provider.requests(endpoint)
        assert found_in(told, provider.secrets | {CLIENT_SECRET, VERIFIER, NONCE}) == []


def answering(body: bytes, _request: web.Request) -> web.Response:
    """Answer this JSON."""
    return web.Response(body=body, content_type="application/json")


async def test_a_token_answer_that_cannot_be_used_is_not_repeated() -> None:
    async with (
        TellingProvider(client_secret=CLIENT_SECRET) as provider,
        ProviderClient(ProviderPolicy(allow_loopback=True), clock=utc_now) as http,
    ):
        answer = {"token_type": "planted-type", "access_token": "planted-access-token", "id_token": "planted.id.token"}
        for body in (answer, [answer], {**answer, "token_type": "Bearer"}):
            provider.hooks["token"] = partial(answering, orjson.dumps(body))
            error = await fails(sign_in(RelyingParty(http, utc_now), provider))
            assert "planted" not in shown(error) + "".join(traceback.format_exception(error)) + str(vars(error))


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret_keys": ("planted-key",)},
        {"database_url": "host=here password=planted"},
        {"database_url": "postgresql://u:planted@here:planted/x"},
        {"smtp_url": "planted", "secret_keys": (SECRET_KEY,)},
        {"port": "planted"},
        {"env": "production", "database_url": "postgresql://u:planted@here/x", "secret_keys": ("planted",)},
    ],
)
def test_settings_that_cannot_be_used_are_told_without_their_values(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as failed:
        build_app(load_settings(**wrong))
    told = shown(failed.value) + "".join(traceback.format_exception(failed.value))
    assert [line for line in told.splitlines() if "planted" in line] == []
