"""Checkpoints go where a change of the database does not reach: a directory, an https address; each once, in order."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr
from support.certificates import server_context
from support.database import Pool, TestDatabase
from support.ledger import domain, record, register
from support.proof import notary_of
from support.tampering import Superuser

from events.signed import latest_checkpoint, list_checkpoints
from events.store import EventStore
from service.checkpoints import CheckpointMaker
from service.oidc.policy import ProviderPolicy
from service.publication import DeliveryFailed, Endpoint, Published, file_name, publish
from service.settings import SettingsError, load_settings


@dataclass
class Keeper:
    """An https server that keeps the notes it is sent, or answers with ``status``."""

    url: str = ""
    notes: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    status: int = 204
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    async def take(self, request: web.Request) -> web.Response:
        """Keep what was posted, if it is to be taken."""
        if self.status == 204:
            self.notes.append(await request.text())
            self.tokens.add(request.headers.get("Authorization", ""))
        return web.Response(status=self.status, headers={"Location": "https://elsewhere.example/"})

    @property
    def endpoint(self) -> Endpoint:
        """The way to it: on this machine, which only a test allows."""
        return Endpoint(self.url, SecretStr("sesame"), ProviderPolicy(allow_loopback=True), self.trust)


@asynccontextmanager
async def keeping(directory: Path) -> AsyncIterator[Keeper]:
    """Run such a server for as long as the context lasts."""
    server, client = server_context(directory)
    keeper = Keeper(trust=client)
    app = web.Application()
    app.router.add_post("/notes", keeper.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server).start()
    keeper.url = f"https://127.0.0.1:{runner.addresses[0][1]}/notes"
    yield keeper
    await runner.cleanup()


async def grow(pool: Pool, times: int) -> list[str]:
    """Make so many checkpoints, each of a longer log, and return all notes."""
    store, notary = EventStore(pool), notary_of(pool)
    for number in range(times):
        await register(store, f"w{number}-{await pool.fetchval('select count(*) from ledger.streams')}")
        await notary.make()
    return [signed.note for signed in await list_checkpoints(pool, -1, 100)]


async def test_a_directory_gets_one_file_for_each_checkpoint(pool: Pool, tmp_path: Path) -> None:
    """Also those that were made while nobody published; none is written twice, and no draft stays."""
    places = Published(tmp_path / "checkpoints")
    notes = await grow(pool, 3)
    assert await publish(pool, places) == 3
    assert await publish(pool, places) == 0
    notes = await grow(pool, 1)
    assert await publish(pool, places) == 1
    files = sorted((tmp_path / "checkpoints").iterdir())
    assert [file.read_text("utf-8") for file in files] == notes
    assert [file.name for file in files] == [
        file_name(signed.checkpoint.size) for signed in await list_checkpoints(pool, -1, 9)
    ]


async def test_a_directory_of_another_history_is_not_continued(
    pool: Pool, database: TestDatabase, tmp_path: Path
) -> None:
    """An older backup went on: the service itself notices, says so in readiness, and leaves the files alone."""
    maker = CheckpointMaker(notary_of(pool), Published(tmp_path), 60)
    store = EventStore(pool)
    acme = await register(store, "acme")
    async with Superuser(database.superuser_dsn) as superuser:
        await maker.round()
        await superuser.back_up("nightly")
        await record(store, acme, domain(1))
        await maker.round()
        assert await maker.probe() == {"ok": True, "optional": True}
        kept = {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()}
        await superuser.restore("nightly")
    await register(store, "globex")
    await maker.round()
    told = await maker.probe()
    assert (told["ok"], told["optional"]) == (False, True)
    assert "keyledger verify --since" in str(told["problem"])
    assert {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()} == kept


async def test_an_address_gets_each_note_once_and_in_order(pool: Pool, tmp_path: Path) -> None:
    """With its token; two instances that deliver at once send nothing twice."""
    async with keeping(tmp_path) as keeper:
        notes = await grow(pool, 3)
        places = Published(endpoint=keeper.endpoint)
        await asyncio.gather(publish(pool, places), publish(pool, places))
        await publish(pool, places)
        assert keeper.notes == notes
        assert keeper.tokens == {"Bearer sesame"}


@pytest.mark.parametrize("status", [302, 500])
async def test_what_an_address_does_not_take_is_sent_again(pool: Pool, tmp_path: Path, status: int) -> None:
    """A redirect is not followed: it would carry the token to an address that nobody named."""
    async with keeping(tmp_path) as keeper:
        notes = await grow(pool, 2)
        keeper.status = status
        with pytest.raises(DeliveryFailed, match=f"status {status}"):
            await publish(pool, Published(endpoint=keeper.endpoint))
        keeper.status = 204
        assert await publish(pool, Published(endpoint=keeper.endpoint)) == 2
        assert keeper.notes == notes


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1/notes", "not an https address"),
        ("https://127.0.0.1/notes", "on this machine"),
        ("https://192.0.2.1/notes", "IP address"),
        ("https://notary.invalid/notes", "cannot be reached"),
    ],
)
async def test_notes_go_by_https_to_names_outside_only(url: str, told: str) -> None:
    with pytest.raises(DeliveryFailed, match=told):
        await Endpoint(url).send("note")


@pytest.mark.parametrize("url", ["http://notary.example.net/", "https://ada:secret@notary.example.net/", "notary"])
def test_an_address_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("KEYLEDGER_CHECKPOINT_URL", url)
    with pytest.raises(SettingsError, match="KEYLEDGER_CHECKPOINT_URL"):
        load_settings()


async def test_a_round_signs_only_what_is_new(pool: Pool) -> None:
    """An idle log gets no further checkpoints, whoever looks."""
    makers = [CheckpointMaker(notary_of(pool), Published(), 60) for _ in range(2)]
    await asyncio.gather(*(maker.round() for maker in makers))
    first = await latest_checkpoint(pool)
    await makers[0].round()
    assert await latest_checkpoint(pool) == first
    await register(EventStore(pool), "acme")
    await makers[1].round()
    second = await latest_checkpoint(pool)
    assert first is not None
    assert second is not None
    assert second.checkpoint.size == first.checkpoint.size + 1


async def test_a_log_that_does_not_hold_is_told_and_not_signed(pool: Pool, database: TestDatabase) -> None:
    maker = CheckpointMaker(notary_of(pool), Published(), 60)
    await maker.round()
    await register(EventStore(pool), "acme")
    async with Superuser(database.superuser_dsn) as superuser:
        await superuser.do("update ledger.events set canonical = replace(canonical, 'Acme', 'Evil') where position = 2")
    before = await latest_checkpoint(pool)
    await maker.round()
    assert "does not hold at position 2" in str((await maker.probe())["problem"])
    assert await latest_checkpoint(pool) == before
