"""Reading workspaces: as they are, as they were at any version or moment, and who is meant by a member's id."""

import re
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from events.refusals import Refusal
from events.store import EventStore
from events.workspace import FOLD_VERSION, Standing, Workspace
from service.db import Pool
from service.errors import WorkspaceUnknown
from service.identity.known import UnusableReadModel
from service.identity.known import read_workspace as read_committed
from service.identity.resources import Executor

SLUG = re.compile(r"[a-z0-9](-?[a-z0-9]){1,62}")


async def read_workspace(source: Executor, store: EventStore, slug: str) -> Workspace:
    """Return the workspace as it is now, replayed where its read model was written by another version of this program.

    Raises:
        Refusal: ``workspace_unknown``.
    """
    if not SLUG.fullmatch(slug):
        raise WorkspaceUnknown
    try:
        workspace = await read_committed(source, slug)
    except UnusableReadModel:
        workspace = await read_workspace_then(store, slug)
    if workspace is None:
        raise WorkspaceUnknown(slug)
    return workspace


async def stream_version(source: Executor, slug: str) -> int:
    """Return how many events a workspace has, whether this program can read them or not.

    Raises:
        Refusal: ``workspace_unknown``.
    """
    if not SLUG.fullmatch(slug):
        raise WorkspaceUnknown
    version: int | None = await source.fetchval("select version from ledger.streams where stream_id = $1", slug)
    if version is None:
        raise WorkspaceUnknown(slug)
    return version


async def list_workspaces(pool: Pool, store: EventStore, after: str, limit: int) -> list[Standing]:
    """Return workspaces by slug, the first of them behind ``after``, each as far as its events can be read."""
    rows = await pool.fetch(
        "select slug, document, position, fold_version from projection.connections"
        " where slug > $1 order by slug limit $2",
        after,
        limit,
    )
    return [await _folded(store, row) for row in rows]


async def _folded(store: EventStore, row: asyncpg.Record) -> Standing:
    if row["fold_version"] == FOLD_VERSION:
        return Standing(Workspace.from_document(orjson.loads(row["document"]), row["position"]))
    # Written by another version of this program: what holds is the history.
    standing = Standing(Workspace(row["slug"]))
    async for event in store.stream(row["slug"]):
        standing = standing.after(event)
    return standing


async def read_workspace_then(
    store: EventStore, slug: str, *, version: int | None = None, at: datetime | None = None
) -> Workspace:
    """Return the workspace as it was at a version or a moment, replayed from its events.

    Raises:
        Refusal: ``workspace_unknown`` when it did not exist yet.
        UnreadableEvent: a newer program wrote one of the events up to there.
    """
    state = Workspace(slug)
    async for event in store.stream(slug, until=at):
        if version is not None and event.version > version:
            break
        state.apply_recorded(event)
    if state.version == 0:
        raise Refusal("workspace_unknown", f"The workspace {slug} did not exist yet at that moment.", slug=slug)
    return state


async def member_addresses(pool: Pool, slug: str, member_ids: Collection[str]) -> dict[str, str | None]:
    """Return the e-mail addresses of members by id; the erased have none any more."""
    if not member_ids:
        return {}
    rows = await pool.fetch(
        "select member_id::text, email from identity.members where workspace = $1 and member_id = any($2)",
        slug,
        [UUID(one) for one in member_ids],
    )
    return {row["member_id"]: row["email"] for row in rows}
