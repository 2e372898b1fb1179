"""Short ways to fill a ledger in tests, with the read model that belongs to it."""

from events.catalogue.configuration import DomainAdded, WorkspaceRegistered
from events.catalogue.event_data import EventData
from events.envelope import Actor, Context, NewEvent
from events.store import NO_STREAM, EventStore
from events.workspace import Workspace

ADA = Context(Actor("staff", "ada@acme.example"), reason="Acme asked by mail", correlation_id="request-1")


async def register(store: EventStore, slug: str) -> Workspace:
    """Record that a workspace exists, and return its state."""
    registered = WorkspaceRegistered(slug=slug, name=slug.title(), plan="one")
    prepared = store.prepare([NewEvent.of(registered)], ADA)
    state = Workspace(slug).after(prepared)
    await store.append(slug, NO_STREAM, prepared, state.to_document())
    return state


async def record(store: EventStore, state: Workspace, *data: EventData) -> Workspace:
    """Record events at exactly the state's version, and return the state after them."""
    prepared = store.prepare([NewEvent.of(one) for one in data], ADA)
    after = state.after(prepared)
    await store.append(state.slug, state.version, prepared, after.to_document())
    return after


def domain(number: int) -> DomainAdded:
    """Return the event that allows one of many domains."""
    return DomainAdded(domain=f"a{number}.example")
