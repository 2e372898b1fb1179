"""The audit timeline: who changed what in any workspace, newest first, one sentence for each event."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from events.catalogue.instants import write_instant
from projections.parking import read_parked
from projections.timeline import Entry, Timeline, read_timeline
from service.api import cursor
from service.api.answers import answer_json
from service.api.naming import Shown, names_in
from service.api.operation import JSON, Answer, Call, Operation
from service.api.parameters import PageQuery
from service.api.parked import ParkedShape, show_parked
from service.api.shapes import ActorShape, AskerShape, Page, Shape
from service.keys import POOL


class TimelineQuery(PageQuery):
    """Which entries: of one workspace, or of all."""

    workspace: Annotated[str | None, Field(max_length=63, description="Only this workspace's entries.")] = None


class EntryShape(Shape):
    """One event, as a person reads it. ``workspace`` is empty for what the installation itself records."""

    position: int
    event_id: str
    workspace: str | None
    version: int
    recorded_at: str
    type: str
    summary: str
    actor: ActorShape
    reason: str | None
    requested_by: AskerShape | None
    ticket: str | None
    correlation_id: str | None


class TimelinePage(Page[EntryShape]):
    """One page of the timeline, and the workspaces whose latest entries are missing on it since they are parked."""

    parked: list[ParkedShape]


async def list_timeline(call: Call) -> web.StreamResponse:
    """Answer one page. The timeline follows the log and may be a moment behind it."""
    query = call.query_as(TimelineQuery)
    scope = f"timeline/{query.workspace or ''}"
    before = cursor.decode_number(scope, query.cursor)
    pool = call.request.app[POOL]
    found = await read_timeline(pool, query.workspace, before, query.limit)
    following = cursor.encode(scope, found[-1].position) if len(found) == query.limit else None
    texts = (text for one in found for text in (one.actor_id, one.requested_by, one.summary))
    shown = await names_in(call, texts)
    left_out = [one for one in await read_parked(pool, Timeline.name) if query.workspace in {None, one.stream_id}]
    parked = [show_parked(Timeline.name, one) for one in left_out]
    return answer_json(TimelinePage(items=[_show(one, shown) for one in found], next=following, parked=parked))


def _show(entry: Entry, shown: Shown) -> EntryShape:
    return EntryShape(
        position=entry.position,
        event_id=str(entry.event_id),
        workspace=None if entry.stream_id.startswith("$") else entry.stream_id,
        version=entry.version,
        recorded_at=write_instant(entry.recorded_at),
        type=entry.type,
        summary=shown.text(entry.summary),
        actor=shown.actor(entry.actor_type, entry.actor_id),
        reason=entry.reason,
        requested_by=shown.asker(entry.requested_by),
        ticket=entry.ticket,
        correlation_id=entry.correlation_id,
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/timeline",
        identifier="list_timeline",
        summary="Who changed what in any workspace, newest first",
        access="read",
        handler=list_timeline,
        query=TimelineQuery,
        answers={200: Answer("One page.", {JSON: TimelinePage})},
    ),
)
