"""Secrets planted in a real run come out nowhere: no log, row, export, answer, page or metric holds one in clear."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.database import TestDatabase
from support.fleet import Fleet, Instance, fleet
from support.planted import (
    CLIENT_SECRET,
    DATABASE_PASSWORD,
    SECRET_KEY,
    SMTP_PASSWORD,
    Ear,
    TellingProvider,
    found_in,
    mail_server,
    whole_database,
)
from support.service import PostOffice
from support.visits import browser

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
LINK = re.compile(r"/link/([A-Za-z0-9_-]{43})")


@dataclass
class Scene:
    """A service that was given secrets wherever it takes some. ``printed`` is what its commands have printed."""

    fleet: Fleet
    service: Instance
    provider: TellingProvider
    office: PostOffice
    mail_goes_out: threading.Event
    ear: Ear
    token: str
    database: TestDatabase
    printed: list[str] = field(default_factory=list)

    async def api(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **rest: Any
    ) -> tuple[int, str]:
        """Call the management API."""
        headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        status, text, _ = await self.ear.ask(method, f"{self.service.url}/api/v1{path}", headers=headers, **rest)
        return status, text

    async def record(self, kind: str, headers: Mapping[str, str] | None = None, /, **data: Any) -> int:
        """Write one event. Returns the status."""
        body = {"type": kind, "data": data, "reason": "planting"}
        status, _ = await self.api("POST", "/workspaces/acme/events", json=body, headers=headers)
        return status

    async def command(self, *arguments: str, stdin: str = "", **environment: str) -> int:
        """Run a command, and keep what it printed."""
        given = {"KEYLEDGER_URL": self.service.url, "KEYLEDGER_TOKEN": self.token, **environment}
        code, out, err = await self.fleet.run(*arguments, stdin=stdin, **given)
        self.printed += [out, err]
        return code

    async def sign_in(self, person: str, **claims: object) -> tuple[dict[str, str], str, int]:
        """Run a sign-in. Returns the browser's cookies, the callback's address and the status."""
        cookies: dict[str, str] = {}
        self.provider.person = {"sub": f"00u-{person}", "name": person, "email": f"{person}@acme.example", **claims}
        _, _, away = await self.ear.ask("GET", f"{self.service.url}/api/sso/initiate/acme", cookies)
        back = await self.provider.log_in(away)
        self.ear.learn(away)
        self.ear.learn(back)
        status, _, _ = await self.ear.ask("GET", back, cookies)
        return cookies, back, status

    def secrets(self) -> set[str]:
        """Return all that must not be told."""
        fixed = {CLIENT_SECRET, DATABASE_PASSWORD, SECRET_KEY, SMTP_PASSWORD, self.token}
        return fixed | self.ear.secrets | self.provider.secrets

    async def everything(self) -> dict[str, str]:
        """Return all that was told, by where."""
        for path in ("", "?version=3", "/events", "/sign-ins", "/members", "/invitations", "/readiness"):
            await self.api("GET", f"/workspaces/acme{path}")
        await self.api("GET", "/workspaces/acme/events", headers={"Accept": "application/x-ndjson"})
        await self.api("GET", "/workspaces/acme/diff?from=1&to=4")
        await self.api("GET", "/events")
        await self.ear.ask("GET", f"{self.service.url}/metrics")
        for arguments in (("export", "acme"), ("history", "acme", "--json"), ("show", "acme"), ("token", "list")):
            assert await self.command(*arguments) == 0, self.printed[-1]
        return {
            "log": self.service.told(),
            "answers": self.ear.heard,
            "commands": "\n".join(self.printed),
            "database": await whole_database(self.database.superuser_dsn),
        }


@pytest.fixture
async def scene(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    def with_password(dsn: str) -> str:
        return dsn.replace("@/", f":{DATABASE_PASSWORD}@/", 1)

    with (
        mail_server(tmp_path) as (office, mail, accepting),
        fleet(
            DATABASE_URL=with_password(database.runtime_dsn),
            OWNER_DATABASE_URL=with_password(database.owner_dsn),
            SECRET_KEYS=SECRET_KEY,
            LOG_LEVEL="debug",
            TOKEN_FAILURES_PER_MINUTE="1000",
        ) as made,
    ):
        made.environment |= mail
        service = made.start()
        await service.ready()
        token = await made.token()
        async with TellingProvider(client_secret=CLIENT_SECRET) as provider, browser() as http:
            found = Scene(made, service, provider, office, accepting, Ear(http), token, database)
            await found.api("POST", "/workspaces", json={"slug": "acme", "name": "Acme", "plan": "one"})
            credentials = {"issuer": provider.issuer, "client_id": provider.client_id, "client_secret": CLIENT_SECRET}
            assert await found.record("DomainAdded", domain="acme.example") == 201
            assert await found.record("CredentialsSet", email_verified="ignore", **credentials) == 201
            assert await found.record("SsoEnabled") == 201
            yield found


async def nothing_is_told(scene: Scene, *also: str) -> None:
    told, secrets = await scene.everything(), scene.secrets() | set(also)
    # What is no secret is found in each of the places by the same look.
    shown = {
        "log": "/api/v1/workspaces",
        "answers": "acme.example",
        "commands": "acme.example",
        "database": "acme.example",
    }
    assert [where for where, text in told.items() if found_in(text, {shown[where]})] == list(told)
    leaks = {where: found_in(text, secrets) for where, text in told.items()}
    assert not any(leaks.values()), leaks


async def test_good_and_bad_sign_ins_tell_no_secret(scene: Scene) -> None:
    cookies, back, status = await scene.sign_in("ada")
    assert status == 303
    for jar in (cookies, {}, {name: f"{value}x" for name, value in cookies.items()}):
        await scene.ear.ask("GET", back, jar)
        await scene.ear.ask("POST", back.partition("?")[0], jar, headers=FORM, data=back.partition("?")[2])
    await scene.ear.ask("GET", f"{back}&code=planted-second-code", cookies)
    tokens = {"id_token": "planted.id.token", "access_token": "planted-access-token", "state": "planted-state"}
    await scene.ear.ask("POST", back.partition("?")[0], headers=FORM, data=tokens)
    for path in (
        "/account",
        "/api/session",
        "/link/planted-link-token",
        "/nowhere/planted-path-token?code=planted-code",
    ):
        await scene.ear.ask("GET", f"{scene.service.url}{path}", cookies)
    assert (await scene.sign_in("eve", email="eve@elsewhere.example"))[2] == 403
    scene.provider.claim_changes = {"nonce": "planted-other-nonce"}
    assert (await scene.sign_in("ada"))[2] == 400
    await nothing_is_told(scene, "planted-second-code", "planted.id.token", "planted-access-token", "planted-state")
    assert "planted" not in scene.ear.heard + scene.service.told()


@pytest.mark.parametrize("way", ["echo", "echo_page"])
@pytest.mark.parametrize("endpoint", ["token", "userinfo"])
async def test_a_provider_that_echoes_what_it_was_sent_makes_us_tell_nothing(
    scene: Scene, endpoint: str, way: str
) -> None:
    if endpoint == "userinfo":
        scene.provider.claim_changes = {"email": None}
    scene.provider.hooks[endpoint] = getattr(scene.provider, way)
    assert (await scene.sign_in("ada"))[2] >= 400
    assert scene.provider.requests(endpoint)
    del scene.provider.hooks[endpoint]
    scene.provider.authorize_error = ("access_denied", f"planted {CLIENT_SECRET} {scene.token}")
    await scene.sign_in("ada")
    await nothing_is_told(scene)


async def test_requests_that_are_refused_are_not_repeated(scene: Scene) -> None:
    good = {"issuer": scene.provider.issuer, "client_id": "0oa-acme", "email_verified": "ignore"}
    for wrong in (
        {**good, "client_secret": ["planted-secret-in-a-list"]},
        {**good, "client_secret": "planted-secret-beside-nonsense", "nonsense": "planted-nonsense"},
        {**good, "client_secret": "planted-too-long" * 1000},
        {**good, "client_secret": "planted-with-\0-nul"},
        {"client_secret": "planted-secret-alone"},
        {
            "issuer": "https://planted-user:planted-password@acme.example",
            "client_id": "x",
            "client_secret": "planted-x",
        },
    ):
        assert await scene.record("CredentialsSet", **wrong) in {422, 502}, wrong
    key = {"Idempotency-Key": "same-key-twice"}
    assert await scene.record("CredentialsSet", key, **good, client_secret="planted-first-secret") == 201
    assert await scene.record("CredentialsSet", key, **good, client_secret="planted-second-secret") == 409
    for body in (b'{"client_secret": "planted-broken', b'"planted-string"', b"\xff planted-bytes"):
        status, _ = await scene.api(
            "POST", "/workspaces/acme/events", data=body, headers={"Content-Type": "application/json"}
        )
        assert status in {400, 422}
    for header in ("Bearer klt_planted-bearer-token", "Basic planted-basic", "planted-no-scheme"):
        status, _ = await scene.api("GET", "/workspaces/acme", headers={"Authorization": header})
        assert status == 401
    await scene.api("GET", f"/workspaces/acme/events?access_token={scene.token}&limit=planted-limit")
    told = await scene.everything()
    leaks = {where: found_in(text, scene.secrets()) for where, text in told.items()}
    assert not any(leaks.values()), leaks
    planted = {where: re.findall(r".{30}planted-(?!smtp).{30}", text) for where, text in told.items()}
    assert not any(planted.values()), planted


async def test_mistakes_on_the_command_line_are_told_without_the_secret(scene: Scene) -> None:
    set_credentials = ("credentials", "set", "acme", "--issuer", scene.provider.issuer, "--client-id", "0oa-acme")
    why = ("--reason", "planting")
    assert await scene.command(*set_credentials, "--client-secret", "planted-argument", *why) == 2
    assert await scene.command(*set_credentials, *why, stdin="planted-stdin-secret") == 0
    assert await scene.command(*set_credentials, *why, stdin="planted-long" * 500) == 1
    assert await scene.command("show", "acme", KEYLEDGER_TOKEN="klt_planted-wrong-token") == 1
    assert await scene.command("show", "acme", KEYLEDGER_URL="http://planted:planted-url-password@127.0.0.1:1") != 0
    for name, value in {
        "SECRET_KEYS": "planted-not-a-key",
        "DATABASE_URL": "postgresql://keyledger:planted-password@127.0.0.1:1/none",
        "SMTP_URL": "gopher://keyledger:planted-password@127.0.0.1:1",
        "SMPT_URL": "planted-misspelt",
    }.items():
        assert await scene.command("serve" if "M" in name else "verify", **{f"KEYLEDGER_{name}": value}) != 0, name
    for url in ("host=127.0.0.1 password=planted-password", "postgresql://u:planted-password@h:notaport/none"):
        assert await scene.command("verify", KEYLEDGER_DATABASE_URL=url) == 1
        assert await scene.command("serve", KEYLEDGER_DATABASE_URL=url) == 1
    away = "postgresql://keyledger:planted-password@127.0.0.1:1/none"
    assert await scene.command("serve", KEYLEDGER_DATABASE_URL=away, KEYLEDGER_OWNER_DATABASE_URL=away) == 1
    assert "planted" not in "".join(scene.printed)
    assert "Traceback" not in "".join(scene.printed)
    await nothing_is_told(scene)


async def test_mails_their_links_and_a_mail_server_that_echoes_the_password_tell_nothing(scene: Scene) -> None:
    invitations = "/workspaces/acme/invitations"
    assert (await scene.api("POST", invitations, json={"email": "grace@acme.example", "role": "editor"}))[0] == 201
    await scene.service.says("a mail did not go out")
    scene.mail_goes_out.set()
    assert (await scene.api("POST", invitations, json={"email": "ada@acme.example", "role": "owner"}))[0] == 201
    await scene.sign_in("ada")
    mail = await asyncio.to_thread(scene.office.wait_for, "ada@acme.example", "/link/")
    token = LINK.findall(mail)[0]
    scene.ear.secrets.add(token)
    link = f"{scene.service.url}/link/{token}"
    assert (await scene.ear.ask("GET", link))[0] == 200
    assert (await scene.ear.ask("POST", link, headers=OWN_PAGE))[0] == 200
    assert (await scene.ear.ask("POST", link, headers=OWN_PAGE))[0] == 410
    assert (await scene.sign_in("ada"))[2] == 303
    await nothing_is_told(scene)
