"""Every state that was ever reached live is told again, byte for byte, by version and by moment, alone and with all."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import pytest
from support.database import Pool
from support.golden_events import golden_events
from support.ledger import ADA

from events.catalogue import CATALOGUE
from events.catalogue.configuration import WorkspaceRegistered
from events.catalogue.event_data import EventData
from events.envelope import NewEvent
from events.store import EventStore
from events.workspace import Workspace
from events.workspace_fold import FOLDS
from projections.fleet import fleet_then
from service.commands.reading import read_workspace_then
from service.db import transaction

APPENDS = 40
SLUGS = ("acme", "beta", "carrot")
EXAMPLES = [
    CATALOGUE[one["type"]].model_validate(one["data"])
    for one in golden_events()
    if one["type"] in FOLDS and one["schema_version"] == CATALOGUE[one["type"]].schema_version
]


@dataclass(frozen=True)
class Reached:
    """A state as it was right after its append: what the row held, and what the program held."""

    slug: str
    version: int
    at: datetime
    row: str
    document: bytes


def some(choose: random.Random) -> list[EventData]:
    """Return a few events, some of which name the same domain or member in turn."""
    found = []
    for data in choose.choices(EXAMPLES, k=choose.randrange(1, 5)):
        given = data.model_dump(mode="json")
        for name, values in (("domain", ["acme.example", "b.example"]), ("member_id", ["m-1", "m-2"])):
            if isinstance(given.get(name), str):
                given[name] = choose.choice(values)
        found.append(type(data).model_validate(given))
    return found


async def live(pool: Pool, store: EventStore, choose: random.Random) -> list[Reached]:
    """Append at random to a few workspaces, and note each state."""
    states = {slug: Workspace(slug) for slug in SLUGS}
    reached = []
    for _ in range(APPENDS):
        slug = choose.choice(SLUGS)
        state = states[slug]
        events: Sequence[EventData] = some(choose)
        if state.version == 0:
            events = [WorkspaceRegistered(slug=slug, name=slug.title(), plan="one"), *events]
        prepared = store.prepare([NewEvent.of(one) for one in events], ADA)
        after = states[slug] = state.after(prepared)
        appended = await store.append(slug, state.version, prepared, after.to_document())
        row = await pool.fetchval("select document::text from projection.connections where slug = $1", slug)
        last = appended.recorded[-1]
        reached.append(Reached(slug, last.version, last.recorded_at, row, orjson.dumps(after.to_document())))
    return reached


@pytest.mark.parametrize("seed", range(3))
async def test_every_state_reached_live_is_told_again_byte_for_byte(pool: Pool, seed: int) -> None:
    """Also after all that came later, and also where the other workspaces stood at that moment."""
    store = EventStore(pool)
    reached = await live(pool, store, random.Random(seed))  # noqa: S311 - reproducible, and no secret
    end = (await store.head()).position
    reached_by: dict[str, Reached] = {}
    for one in reached:
        reached_by[one.slug] = one
        by_version = await read_workspace_then(store, one.slug, version=one.version)
        by_moment = await read_workspace_then(store, one.slug, at=one.at)
        for state in (by_version, by_moment):
            document = orjson.dumps(state.to_document())
            assert (state.version, document) == (one.version, one.document)
            assert await pool.fetchval("select $1::text::jsonb::text", document.decode()) == one.row
        async with transaction(pool) as connection:
            fleet = [standing.state async for standing in fleet_then(connection, one.at, end, "", 10)]
        told = {state.slug: orjson.dumps(state.to_document()) for state in fleet}
        assert told == {slug: earlier.document for slug, earlier in reached_by.items()}
    assert len({one.row for one in reached}) > len(SLUGS)
