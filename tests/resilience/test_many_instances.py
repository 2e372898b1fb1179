"""Several instances on one database are one service."""

import asyncio
import base64
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
import asyncpg
import pytest
from support.database import TestDatabase
from support.fleet import Fleet, Instance, fleet
from support.service import free_port
from support.visits import SLUG, Api, GatedProvider, begin, browser, gated_provider, opens

from service.identity.authentication import Authentication
from service.identity.session_values import TOKEN_BYTES, NewSession
from service.identity.session_writes import write_session

EFFECTIVE_WITHIN_S = 1.0


def settings_of(database: TestDatabase, public_port: int) -> dict[str, str]:
    """Return what all instances of one service have in common."""
    return {
        "DATABASE_URL": database.runtime_dsn,
        "OWNER_DATABASE_URL": database.owner_dsn,
        "SECRET_KEYS": base64.b64encode(os.urandom(32)).decode(),
        "BASE_URL": f"http://127.0.0.1:{public_port}",
    }


@dataclass(frozen=True)
class Pair:
    """Two instances, a workspace that both serve, and a client."""

    one: Instance
    other: Instance
    http: aiohttp.ClientSession
    api: Api
    provider: GatedProvider
    database: TestDatabase

    async def ok_rows(self, person: str) -> int:
        """Return how often this person was signed in, as the log says."""
        connection = await asyncpg.connect(self.database.superuser_dsn)
        try:
            return int(
                await connection.fetchval(
                    "select count(*) from identity.sign_ins where reason = 'ok' and email = $1",
                    f"{person}@acme.example",
                )
            )
        finally:
            await connection.close()


@pytest.fixture
async def pair(database: TestDatabase) -> AsyncIterator[Pair]:
    port = free_port()
    with fleet(**settings_of(database, port)) as made:
        one, other = made.start(port=port), made.start()
        token, *_ = await asyncio.gather(made.token(), one.ready(), other.ready())
        async with gated_provider() as provider, browser() as http:
            api = Api(http, token)
            await api.set_up(one.url, provider.issuer)
            yield Pair(one, other, http, api, provider, database)


@pytest.fixture
def unmigrated(empty_database: TestDatabase) -> Iterator[Fleet]:
    with fleet(**settings_of(empty_database, free_port())) as made:
        yield made


async def test_an_attempt_begun_at_one_instance_is_answered_at_the_other(pair: Pair) -> None:
    visit = await begin(pair.http, pair.one.url, "ada")
    answer = await visit.come_back(pair.http, pair.other.url)
    assert answer.session is not None, answer.text
    assert await opens(pair.http, pair.one.url, answer.session)
    assert await opens(pair.http, pair.other.url, answer.session)


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
async def test_a_callback_sent_to_both_at_once_is_admitted_once(pair: Pair, known: bool) -> None:
    if known:
        await (await begin(pair.http, pair.one.url, "ada")).come_back(pair.http, pair.one.url)
    before = await pair.ok_rows("ada")
    visit = await begin(pair.http, pair.one.url, "ada")
    urls = [pair.one.url, pair.other.url] * 3
    answers = await asyncio.gather(*(visit.come_back(pair.http, url) for url in urls))
    assert len(visit.sessions) == 1
    assert sorted(answer.status for answer in answers)[1:] == [400] * 5
    assert await pair.ok_rows("ada") == before + 1


async def test_a_change_written_at_one_is_effective_at_the_other_within_a_second(pair: Pair) -> None:
    events = f"{pair.one.url}/api/v1/workspaces/{SLUG}/events"
    initiate = f"{pair.other.url}/api/sso/initiate/{SLUG}"
    waits = []
    for kind, status in [("SsoDisabled", 404), ("SsoEnabled", 302)] * 5:
        async with pair.http.get(initiate, allow_redirects=False) as answer:
            assert answer.status != status
        await pair.api.done("POST", events, {"type": kind, "data": {}, "reason": "a test of both"})
        written = time.monotonic()
        while True:
            async with pair.http.get(initiate, allow_redirects=False) as answer:
                if answer.status == status:
                    break
            assert time.monotonic() - written < EFFECTIVE_WITHIN_S
        waits.append(time.monotonic() - written)
    assert max(waits) < EFFECTIVE_WITHIN_S, waits


async def mailed_session(database: TestDatabase, person: str) -> str:
    """Make the person an owner who has also signed in by a mailed link. Returns that session's cookie."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    connection = await asyncpg.connect(database.superuser_dsn)
    try:
        user_id = await connection.fetchval(
            "update identity.members set role = 'owner' where email = $1 returning user_id", f"{person}@acme.example"
        )
        now = datetime.now(UTC)
        authentication = Authentication("magic_link", now.isoformat())
        session = NewSession(token, user_id, (authentication,), None, now, now + timedelta(hours=1))
        await write_session(connection, session)
    finally:
        await connection.close()
    return f"keyledger-session={token}"


async def opened(pair: Pair, session: str) -> list[str]:
    """Return the workspaces that the session opens at the other instance."""
    async with pair.http.get(f"{pair.other.url}/api/session", headers={"Cookie": session}) as answer:
        assert answer.status == 200, await answer.text()
        return [one["slug"] for one in (await answer.json())["workspaces"]]


async def test_requiring_sso_at_one_shuts_and_opens_the_workspace_at_the_other_within_a_second(pair: Pair) -> None:
    """A session by magic link that is open already is shut by enforcement and opens again; one by SSO stays open."""
    by_sso = (await (await begin(pair.http, pair.one.url, "ada")).come_back(pair.http, pair.one.url)).session or ""
    by_mail = await mailed_session(pair.database, "ada")
    events = f"{pair.one.url}/api/v1/workspaces/{SLUG}/events"
    waits = []
    for kind, expected in [("EnforcementEnabled", []), ("EnforcementDisabled", [SLUG])] * 5:
        assert await opened(pair, by_mail) != expected
        await pair.api.done("POST", events, {"type": kind, "data": {}, "reason": "a test of both"})
        written = time.monotonic()
        while await opened(pair, by_mail) != expected:
            assert time.monotonic() - written < EFFECTIVE_WITHIN_S
        waits.append(time.monotonic() - written)
        assert await opened(pair, by_sso) == [SLUG]
    assert max(waits) < EFFECTIVE_WITHIN_S, waits


async def test_a_session_revoked_at_one_is_dead_at_the_other_at_once(pair: Pair) -> None:
    visits = [await begin(pair.http, pair.one.url, "ada") for _ in range(3)]
    one, two, three = [(await visit.come_back(pair.http, pair.one.url)).session or "" for visit in visits]

    async def post(path: str, session: str) -> None:
        headers = {"Cookie": session, "Origin": pair.one.url}
        async with pair.http.post(f"{pair.one.url}{path}", headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    assert await opens(pair.http, pair.other.url, one)
    await post("/logout", one)
    assert [await opens(pair.http, pair.other.url, session) for session in (one, two, three)] == [False, True, True]
    await post("/logout/everywhere", two)
    assert [await opens(pair.http, pair.other.url, session) for session in (two, three)] == [False, False]


async def test_instances_that_start_at_once_on_an_empty_database_migrate_it_once(
    unmigrated: Fleet, empty_database: TestDatabase
) -> None:
    instances = [unmigrated.start() for _ in range(2)]
    await asyncio.gather(*(instance.ready() for instance in instances))
    connection = await asyncpg.connect(empty_database.superuser_dsn)
    try:
        recorded = await connection.fetchval("select count(*) from ledger.migrations")
    finally:
        await connection.close()
    lines = [json.loads(line) for instance in instances for line in instance.told().splitlines()]
    applied = [line["migration"] for line in lines if line["event"] == "migrated"]
    assert len(set(applied)) == len(applied) == recorded > 0
