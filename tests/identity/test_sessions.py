"""Sessions over HTTP on a real database, row by row of the session matrix."""

import asyncio
from datetime import timedelta
from http.cookies import SimpleCookie
from uuid import uuid4

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from aiohttp_session import get_session, setup
from pytest_aiohttp.plugin import AiohttpClient
from support.identity_world import LIMITS, World

from service.identity.authentication import Authentication
from service.identity.session_values import NewSession, open_session, session_hash
from service.identity.sessions import SessionStorage, live_session, start_session

Client = TestClient[web.Request, web.Application]
NAME = "__Host-keyledger-session"


class Site:
    """A site whose only business is sessions."""

    def __init__(self, world: World, *, secure: bool = True) -> None:
        self.world = world
        self.user = uuid4()
        self.storage = SessionStorage(world.pool, world.clock, LIMITS, secure=secure)
        self.app = web.Application()
        setup(self.app, self.storage)
        self.app.add_routes(
            [
                web.get("/who", self.who),
                web.post("/note", self.note),
                web.post("/sign-in", self.sign_in),
                web.post("/sign-out", self.sign_out),
                web.post("/slow", self.slow),
            ]
        )
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()

    async def who(self, request: web.Request) -> web.Response:
        """Tell who is signed in."""
        live = await live_session(request)
        return web.json_response(None if live is None else {"user": str(live.user_id)})

    async def note(self, request: web.Request) -> web.Response:
        """Write into the session of whoever asks."""
        session = await get_session(request)
        session["note"] = "kept"
        return web.Response(status=204)

    async def sign_in(self, request: web.Request) -> web.Response:
        """Sign the site's user in."""
        live = await live_session(request)
        authentication = Authentication("magic_link", self.world.clock.now.isoformat())
        new = open_session(live, self.user, authentication, self.world.clock.now, LIMITS)
        await insert(self.world, new)
        start_session(request, new)
        return web.Response(status=204)

    async def sign_out(self, request: web.Request) -> web.Response:
        """End the session."""
        (await get_session(request)).invalidate()
        return web.Response(status=204)

    async def slow(self, request: web.Request) -> web.Response:
        """Write into the session after others had their turn."""
        session = await get_session(request)
        self.entered.set()
        await self.go_on.wait()
        session["note"] = "late"
        return web.Response(status=204)


async def insert(world: World, new: NewSession) -> None:
    await world.pool.execute(
        "insert into identity.sessions (session_hash, user_id, data, created_at, last_seen_at, absolute_expires_at)"
        " values ($1, $2, $3, $4, $4, $5)",
        new.session_hash,
        new.user_id,
        new.data_json,
        new.created_at,
        new.expires_at,
    )
    if new.replaces is not None:
        await world.pool.execute("delete from identity.sessions where session_hash = $1", new.replaces)


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


@pytest.fixture
async def client(site: Site, aiohttp_client: AiohttpClient) -> Client:
    return await aiohttp_client(site.app)


async def post(client: Client, path: str, token: str | None = None) -> str | None:
    """Return the session cookie that the answer sets, the empty string when it deletes it, ``None`` when neither."""
    async with client.post(path, headers=cookie(token)) as response:
        assert response.status == 204
        values = response.headers.getall("Set-Cookie", [])
    parsed = SimpleCookie(values[0]) if values else None
    return None if parsed is None else parsed[NAME].value


async def who(client: Client, token: str | None) -> object:
    async with client.get("/who", headers=cookie(token)) as response:
        assert response.status == 200
        return await response.json()


def cookie(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Cookie": f"{NAME}={token}"}


async def test_s01_the_id_changes_at_sign_in_and_the_old_one_is_dead(client: Client, world: World) -> None:
    before = await post(client, "/note")
    first = await post(client, "/sign-in", before)
    second = await post(client, "/sign-in", first)
    assert len({before, first, second}) == 3
    assert [await who(client, first), bool(await who(client, second))] == [None, True]
    assert len(await world.rows("sessions")) == 2


async def test_s02_an_id_planted_before_the_sign_in_is_not_signed_in(client: Client) -> None:
    planted = await post(client, "/note")
    await post(client, "/sign-in", planted)
    assert await who(client, planted) is None


async def test_an_id_that_the_server_did_not_make_is_not_taken_over(client: Client) -> None:
    """A fixation: the browser comes with an id of the right shape that is in no table."""
    chosen = "A" * 43
    given = await post(client, "/note", chosen)
    assert given is not None
    assert given != chosen
    assert await who(client, chosen) is None


@pytest.mark.parametrize(
    "value",
    ["", "x", "A" * 42, "A" * 44, "A" * 4000, "%00" * 14, "é" * 43, '"' + "A" * 43, "A" * 21 + ";" + "A" * 21],
    ids=["empty", "short", "one short", "one long", "oversized", "escapes", "non-ascii", "quote", "two"],
)
async def test_s04_a_garbage_cookie_gives_a_fresh_session(client: Client, value: str) -> None:
    assert await who(client, value) is None


async def test_s04_a_flipped_bit_gives_a_fresh_session(client: Client) -> None:
    token = await post(client, "/sign-in")
    assert token is not None
    flipped = ("B" if token[0] != "B" else "C") + token[1:]
    assert [bool(await who(client, token)), await who(client, flipped)] == [True, None]


async def test_s06_after_signing_out_the_old_cookie_is_refused(client: Client, world: World) -> None:
    token = await post(client, "/sign-in")
    assert await post(client, "/sign-out", token) == ""
    assert await who(client, token) is None
    assert await world.rows("sessions") == []


async def test_a_request_that_ends_after_a_logout_does_not_bring_the_session_back(
    client: Client, site: Site, world: World
) -> None:
    token = await post(client, "/sign-in")
    late = asyncio.create_task(post(client, "/slow", token))
    await site.entered.wait()
    await post(client, "/sign-out", token)
    site.go_on.set()
    assert await late is None
    assert await world.rows("sessions") == []


async def test_s08_the_cookie_stays_small_however_much_the_session_holds(client: Client) -> None:
    async with client.post("/sign-in") as response:
        (header,) = response.headers.getall("Set-Cookie")
    assert len(header) < 200


@pytest.mark.parametrize("secure", [True, False], ids=["https", "development"])
async def test_s09_the_cookie_carries_its_flags_also_when_it_is_deleted(
    world: World, aiohttp_client: AiohttpClient, secure: bool
) -> None:
    """HttpOnly, SameSite=Lax, Path=/, no Domain; Secure and __Host- unless browsers come by http."""
    site = Site(world, secure=secure)
    client = await aiohttp_client(site.app)
    async with client.post("/sign-in") as response:
        (kept,) = response.headers.getall("Set-Cookie")
    name = NAME if secure else "keyledger-session"
    token = SimpleCookie(kept)[name].value
    async with client.post("/sign-out", headers={"Cookie": f"{name}={token}"}) as response:
        (dropped,) = response.headers.getall("Set-Cookie")
    for header in (kept, dropped):
        morsel = SimpleCookie(header)[name]
        flags = (morsel["path"], morsel["httponly"], morsel["samesite"], morsel["domain"], bool(morsel["secure"]))
        assert flags == ("/", True, "Lax", "", secure)
    assert SimpleCookie(dropped)[name]["max-age"] == "0"


async def test_s10_a_session_ends_when_it_is_idle(client: Client, world: World) -> None:
    token = await post(client, "/sign-in")
    for _ in range(3):
        world.clock.now += LIMITS.idle - timedelta(minutes=1)
        assert await who(client, token)
    world.clock.now += LIMITS.idle
    assert await who(client, token) is None


async def test_s10_a_session_ends_absolutely_however_busy_it_is(client: Client, world: World) -> None:
    token = await post(client, "/sign-in")
    step = timedelta(hours=6)
    for _ in range(int(LIMITS.absolute / step) - 1):
        world.clock.now += step
        assert await who(client, token)
    world.clock.now += step
    assert await who(client, token) is None


async def test_an_authentication_does_not_outlive_the_absolute_limit_by_signing_in_again(
    client: Client, world: World, site: Site
) -> None:
    """What comes along to a new session keeps its own age."""
    token = await post(client, "/sign-in")
    world.clock.now += LIMITS.absolute - timedelta(hours=1)
    old = Authentication("sso", (world.clock.now - LIMITS.absolute).isoformat(), workspace="acme")
    await world.pool.execute(
        "update identity.sessions set data = jsonb_set(data, '{authentications,1}', $1, true), last_seen_at = $2",
        orjson.dumps(old.to_data()).decode(),
        world.clock.now,
    )
    await post(client, "/sign-in", token)
    (row,) = await world.rows("sessions")
    assert [one["method"] for one in orjson.loads(row["data"])["authentications"]] == ["magic_link"]


async def test_being_seen_is_written_at_most_once_a_minute(client: Client, world: World) -> None:
    token = await post(client, "/sign-in")
    (first,) = await world.rows("sessions")
    world.clock.turn(seconds=59)
    await who(client, token)
    assert await world.rows("sessions") == [first]
    world.clock.turn(seconds=1)
    await who(client, token)
    (row,) = await world.rows("sessions")
    assert row["last_seen_at"] == world.clock.now


async def test_the_id_is_kept_as_its_hash_alone(client: Client, world: World) -> None:
    token = await post(client, "/sign-in")
    assert token is not None
    (row,) = await world.rows("sessions")
    assert bytes(row["session_hash"]) == session_hash(token)
    assert token not in repr(row)


async def test_a_session_that_nobody_changes_writes_nothing(client: Client, world: World) -> None:
    await who(client, None)
    assert await world.rows("sessions") == []
