"""The connection read model: each workspace's state as a row that the append itself writes.

A row counts only when it stands at its stream's version and was written by this program's fold; otherwise the events
decide.
"""

from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import orjson

from events.rows import COLUMNS, recorded
from events.workspace import FOLD_VERSION, Workspace, replay

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Source: TypeAlias = (
        asyncpg.Pool[asyncpg.Record] | asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    )

CURRENT = """
    select s.version as stream_version, s.head_hash, c.version, c.position, c.fold_version, c.document
    from ledger.streams s left join projection.connections c on c.slug = s.stream_id
    where s.stream_id = $1
"""
_EVENTS = f"select {COLUMNS} from ledger.events where stream_id = $1 and version <= $2 order by version"


async def load_connection(source: "Source", slug: str) -> Workspace | None:
    """Return the workspace's committed state, ``None`` when there is no such workspace.

    Raises:
        UnreadableEvent: the row does not count, and the events cannot be folded by this program either.
    """
    row = await source.fetchrow(CURRENT, slug)
    if row is None:
        return None
    if row["version"] == row["stream_version"] and row["fold_version"] == FOLD_VERSION:
        return Workspace.from_document(orjson.loads(row["document"]), row["position"], row["head_hash"])
    events = await source.fetch(_EVENTS, slug, row["stream_version"])
    return replay(slug, (recorded(event) for event in events))
