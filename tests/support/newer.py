"""What a newer version of the program writes: an event that this one cannot read."""

from support.ledger import ADA

from events.catalogue import EventData
from events.envelope import NewEvent
from events.store import EventStore
from events.workspace import FOLD_VERSION, Workspace


class WorkspacePainted(EventData):
    """A fact that this version has no word for."""

    colour: str


async def paint(store: EventStore, state: Workspace, *, fold_version: int = FOLD_VERSION + 1) -> int:
    """Record such an event next in the workspace, with the read model of this fold, and return its position."""
    prepared = store.prepare([NewEvent.of(WorkspacePainted(colour="green"))], ADA)
    document = {**state.to_document(), "version": state.version + 1}
    appended = await store.append(state.slug, state.version, prepared, document, fold_version=fold_version)
    return appended.recorded[0].position
