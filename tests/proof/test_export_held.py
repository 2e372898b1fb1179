"""An export is read as slowly as its reader likes: nobody else waits for that, and it still holds."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientError
from support.database import Pool
from support.desks import SUPPORT
from support.management import OPERATOR, Management, managed

from events import export
from events.export import open_export
from events.export_check import verify_export
from events.exported import read_export
from service.commands.proposals import Emission, read_changes
from service.keys import NOTARY
from service.tokens import revoke_token


@pytest.fixture
async def api(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Management]:
    """The API, with a workspace whose export comes in several pieces."""
    monkeypatch.setattr(export, "BATCH", 3)
    async with managed(pool) as made:
        await made.register()
        for _ in range(4):
            await _change(made, "JitDisabled", "JitEnabled")
        yield made


async def _change(api: Management, *types: str) -> None:
    changes = read_changes([Emission(type=type_) for type_ in types], listed=True)
    await api.commands.execute("acme", changes, SUPPORT)


def _in_use(pool: Pool) -> int:
    return pool.get_size() - pool.get_idle_size()


async def test_a_reader_who_takes_their_time_holds_no_connection_of_the_database(api: Management) -> None:
    """And the file holds what its checkpoint covers, though the log and its tree grow at every piece of it."""
    app, text, pieces_read = api.client.app, b"", 0
    assert app is not None
    async with open_export(app[NOTARY], "acme", names=api.names) as pieces:
        async for piece in pieces:
            text, pieces_read = text + piece, pieces_read + 1
            assert _in_use(api.pool) == 0
            await _change(api, "ProviderLogoutEnabled", "ProviderLogoutDisabled")
            await app[NOTARY].make()
    assert pieces_read > 3
    assert verify_export(read_export(text.decode())) is None
    assert b"ProviderLogout" not in text


async def test_a_token_that_is_revoked_while_its_export_is_under_way_gets_no_more_of_it(
    api: Management, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = export._lines, 0

    async def lines(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 1:
            await revoke_token(api.pool, api.store, "ada-support", OPERATOR)
        return await real(*arguments)

    monkeypatch.setattr(export, "_lines", lines)
    answer = await api.call("GET", "/workspaces/acme/export")
    with pytest.raises(ClientError):
        await answer.read()
    assert asked == 1
