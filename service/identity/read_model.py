"""A workspace's committed configuration out of the row that the ledger keeps beside its events.

A row that stands at another version than its stream proves that something is wrong with the database: nobody is
admitted on it. One that another version of this program wrote is only in another form: the events decide.
"""

from typing import Any, Protocol

import orjson
import structlog

from events.workspace import FOLD_VERSION, UnreadableEvent, Workspace
from projections.connection import load_connection
from service.identity.resources import Executor

log = structlog.get_logger("identity")


class UnusableReadModel(Exception):
    """The row is missing or behind its stream, or its events are of a newer program."""


class Row(Protocol):
    """A row with ``version``, ``position``, ``fold_version``, ``document`` and the stream's ``stream_version``."""

    def __getitem__(self, key: str, /) -> Any:
        """Return a column's value."""


async def workspace_of(source: Executor, slug: str, row: Row) -> Workspace:
    """Return the state that the row holds.

    Raises:
        UnusableReadModel: see there.
    """
    if row["document"] is None or row["version"] != row["stream_version"]:
        log.error("the read model is not at its stream's version", workspace=slug, version=row["version"])
        raise UnusableReadModel(slug)
    if row["fold_version"] == FOLD_VERSION:
        return Workspace.from_document(orjson.loads(row["document"]), row["position"])
    try:
        replayed = await load_connection(source, slug)
    except UnreadableEvent as error:
        log.exception("the events are of a newer program", workspace=slug)
        raise UnusableReadModel(slug) from error
    if replayed is None:
        raise UnusableReadModel(slug)
    return replayed


async def read_workspace(source: Executor, slug: str) -> Workspace | None:
    """Return a workspace's committed configuration, ``None`` when there is none.

    Raises:
        UnusableReadModel: see there.
    """
    row = await source.fetchrow(
        "select s.version as stream_version, c.version, c.position, c.fold_version, c.document"
        " from ledger.streams s left join projection.connections c on c.slug = s.stream_id where s.stream_id = $1",
        slug,
    )
    return None if row is None else await workspace_of(source, slug, row)
