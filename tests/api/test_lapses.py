"""An enforcement that nobody confirmed in time is lifted by the system, as an event, once."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from support.database import Pool
from support.management import managed

from events.catalogue.access import EnforcementEnabled
from events.catalogue.instants import write_instant
from events.envelope import SYSTEM, Context, NewEvent
from events.store import EventStore
from events.workspace import Workspace
from service.clock import utc_now
from service.commands.lapses import Lapses
from service.commands.reading import read_workspace


async def enforced(pool: Pool, store: EventStore, slug: str, *, minutes: int) -> Workspace:
    """Require SSO in a workspace, to be confirmed so many minutes from now (before now, if negative)."""
    before = await read_workspace(pool, store, slug)
    data = EnforcementEnabled(confirm_by=write_instant(utc_now() + timedelta(minutes=minutes)))
    prepared = store.prepare([NewEvent.of(data)], Context(SYSTEM), [uuid4()])
    after = before.after(prepared)
    await store.append(slug, before.version, prepared, after.to_document())
    return after


async def test_an_enforcement_that_nobody_confirmed_is_lifted_once_by_whoever_looks(pool: Pool) -> None:
    """Of several instances that look at the same moment, one records the lapse, with its reason."""
    async with managed(pool) as api:
        await api.register("acme")
        await enforced(pool, api.store, "acme", minutes=-1)
        await asyncio.gather(*(Lapses(api.commands).lift_due() for _ in range(5)))
        state = await read_workspace(pool, api.store, "acme")
        assert state.enforcement is None
        history = [event for event in await api.store.read_stream("acme") if event.type == "EnforcementLapsed"]
        assert len(history) == 1
        assert history[0].actor == SYSTEM
        assert history[0].reason


async def test_an_enforcement_whose_time_is_not_over_stays(pool: Pool) -> None:
    """Nothing is lifted early."""
    async with managed(pool) as api:
        await api.register("acme")
        state = await enforced(pool, api.store, "acme", minutes=5)
        assert await Lapses(api.commands).lift_due() == 0
        assert (await read_workspace(pool, api.store, "acme")).version == state.version


async def test_a_workspace_that_cannot_be_judged_keeps_no_other_from_being_lifted(pool: Pool) -> None:
    """Whatever is wrong with one workspace, the others' unconfirmed enforcement ends in time."""
    async with managed(pool) as api:
        for slug in ("acme", "broken", "umbrella"):
            await api.register(slug)
            await enforced(pool, api.store, slug, minutes=-1)
        await pool.execute("delete from identity.workspaces where slug = 'broken'")
        assert await Lapses(api.commands).lift_due() == 2
        for slug in ("acme", "umbrella"):
            assert (await read_workspace(pool, api.store, slug)).enforcement is None
