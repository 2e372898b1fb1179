"""An append whose answer is lost can be made again with the same event ids: one event, one result."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from support.database import Pool, TestDatabase, on_both_servers
from support.ledger import ADA, domain, register

from events.envelope import NewEvent
from events.store import EventStore
from service.embedded import RUNTIME


class Wire:
    """A proxy before the database's socket that can swallow an answer and cut the connection."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._server: asyncio.Server | None = None
        self.port = 0
        self.cut_after: bytes | None = None
        self.cut = asyncio.Event()
        self.held: asyncio.Event | None = None

    async def open(self) -> None:
        """Listen on a port of the loopback address."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening."""
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_database, to_database = await asyncio.open_unix_connection(self._path)
        state = {"armed": False}
        tasks = [
            asyncio.create_task(self._pass_on(reader, to_database, state)),
            asyncio.create_task(self._answer(from_database, writer, state)),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        writer.close()
        to_database.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: dict[str, bool]
    ) -> None:
        while data := await reader.read(65536):
            if self.cut_after is not None and self.cut_after in data:
                self.cut_after, state["armed"] = None, True
            writer.write(data)
            await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: dict[str, bool]) -> None:
        while data := await reader.read(65536):
            if state["armed"]:
                # The database has answered, so the append is committed; nobody hears of it, or only later.
                self.cut.set()
                if self.held is None:
                    return
                await self.held.wait()
                state["armed"] = False
            writer.write(data)
            await writer.drain()


@pytest.fixture
async def wire(database: TestDatabase) -> AsyncIterator[Wire]:
    """A proxy before this test's server."""
    address = urlsplit(database.runtime_dsn)
    query = parse_qs(address.query)
    made = Wire(f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}")
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def store(wire: Wire, database: TestDatabase) -> AsyncIterator[EventStore]:
    """A store that reaches the server through the proxy."""
    async with asyncpg.create_pool(
        host="127.0.0.1", port=wire.port, user=RUNTIME, database=database.name, ssl=False, min_size=1, max_size=3
    ) as pool:
        yield EventStore(pool)


@on_both_servers
async def test_case_3_a_connection_cut_after_the_commit_gives_the_recorded_result_all_the_same(
    store: EventStore, wire: Wire
) -> None:
    """Store case 3: the append is committed, the answer is lost: the caller gets it, and there is one event."""
    await register(store, "acme")
    prepared = store.prepare([NewEvent.of(domain(1))], ADA)
    wire.cut_after = str(prepared[0].event_id).encode()
    appended = await store.append("acme", 1, prepared)
    assert wire.cut.is_set()
    assert appended.replayed
    assert await store.read_stream("acme", 1) == appended.recorded


@on_both_servers
async def test_case_3_a_caller_that_is_cancelled_after_the_commit_can_ask_again(store: EventStore, wire: Wire) -> None:
    """Store case 3: the task is cancelled while the committed append's answer is on its way; asking again answers."""
    await register(store, "acme")
    prepared = store.prepare([NewEvent.of(domain(1)), NewEvent.of(domain(2))], ADA)
    wire.cut_after, wire.held = str(prepared[1].event_id).encode(), asyncio.Event()
    task = asyncio.create_task(store.append("acme", 1, prepared))
    async with asyncio.timeout(10):
        await wire.cut.wait()
    task.cancel()
    await asyncio.sleep(0)
    wire.held.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = await store.append("acme", 1, prepared)
    assert again.replayed
    assert [event.version for event in await store.read_stream("acme")] == [1, 2, 3]


async def test_case_3_a_caller_cancelled_at_any_await_leaves_the_event_once_or_not_at_all(pool: Pool) -> None:
    """Store case 3: whatever the append was doing when it was cancelled, the same append afterwards records it once."""
    store = EventStore(pool)
    await register(store, "acme")
    for steps in range(12):
        prepared = store.prepare([NewEvent.of(domain(steps))], ADA)
        task = asyncio.create_task(store.append("acme", steps + 1, prepared))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.append("acme", steps + 1, prepared)
    assert [event.version for event in await store.read_stream("acme")] == list(range(1, 14))


@on_both_servers
async def test_case_3_a_server_session_that_is_ended_before_the_append_costs_the_caller_nothing(
    pool: Pool, database: TestDatabase
) -> None:
    """Store case 3: connections of the pool were ended meanwhile, as by a restart; the append finds a new one."""
    store = EventStore(pool)
    await register(store, "acme")
    superuser = await asyncpg.connect(database.superuser_dsn)
    await superuser.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", RUNTIME)
    await superuser.close()
    await store.append("acme", 1, store.prepare([NewEvent.of(domain(1))], ADA))
    assert (await store.head()).size == 2
