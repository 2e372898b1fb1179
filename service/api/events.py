"""Reading what happened: a workspace's history in pages, as NDJSON or CSV, and the whole log as CloudEvents."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from events.envelope import Recorded
from events.refusals import Refusal
from events.store import EventStore
from service.api import cursor
from service.api.answers import answer_json, named_workspace
from service.api.naming import names_of
from service.api.operation import CSV, JSON, NDJSON, Answer, Call, Operation, Query
from service.api.parameters import PageQuery
from service.api.presentation import cloud_event, show_event
from service.api.shapes import EventShape, Page
from service.api.streaming import BATCH, csv_line, ndjson_line, stream, wanted
from service.keys import NEW_EVENTS, SETTINGS, STORE

EPOCH = "Keyledger-Epoch"
LONGEST_WAIT_S: Final = 30
COLUMNS: Final = (
    "position",
    "version",
    "recorded_at",
    "type",
    "actor_type",
    "actor_id",
    "reason",
    "requested_by",
    "ticket",
    "data",
    "event_id",
    "hash",
)


class LogQuery(Query):
    """Where in the log to start, and how long to wait for what is not there yet."""

    after: Annotated[int, Field(ge=0, lt=2**63, description="Only events behind this position.")] = 0
    limit: Annotated[
        int | None, Field(ge=1, le=1_000_000, description="How many at most; without it, all there are.")
    ] = None
    wait: Annotated[
        int, Field(ge=0, le=LONGEST_WAIT_S, description="Where there are none yet, wait so many seconds for one.")
    ] = 0
    epoch: Annotated[
        int | None,
        Field(ge=1, lt=2**53, description="The Keyledger-Epoch that the position is from; another one answers 412."),
    ] = None


async def list_events(call: Call) -> web.StreamResponse:
    """Answer one page of a workspace's history, oldest first, or all of it as NDJSON or CSV."""
    slug = await named_workspace(call)
    query = call.query_as(PageQuery)
    # A restored backup takes the history back: a cursor from before would skip what came since.
    scope = f"events/{slug}/{(await call.request.app[STORE].head()).epoch}"
    after = cursor.decode_number(scope, query.cursor) or 0
    store = call.request.app[STORE]

    async def more(last: Recorded | None) -> Sequence[Recorded]:
        return await store.read_stream(slug, after if last is None else last.version, BATCH)

    media = wanted(call.request)
    if media == NDJSON:
        return await stream(call.request, more, lambda event: ndjson_line(show_event(event).model_dump(mode="json")))
    if media == CSV:
        return await stream(call.request, more, _csv_line, media=CSV, title=csv_line(COLUMNS))
    found = await store.read_stream(slug, after, query.limit + 1)
    items, following = cursor.cut(found, query.limit, scope, lambda event: (event.version,))
    shown = await names_of(call, items)
    return answer_json(Page[EventShape](items=[show_event(event, shown) for event in items], next=following))


def _csv_line(event: Recorded) -> bytes:
    cells = show_event(event).model_dump(mode="json")
    cells |= {"actor_type": event.actor.type, "actor_id": event.actor.id, "requested_by": event.requested_by}
    return csv_line([cells[name] for name in COLUMNS])


async def read_log(call: Call) -> web.StreamResponse:
    """Stream the whole log behind a position, one CloudEvent a line; where there is nothing yet, wait for it."""
    query = call.query_as(LogQuery)
    store, source = call.request.app[STORE], call.request.app[SETTINGS].public_url
    epoch, place = await _stand(store, query)
    first = await _awaited(call, query, place)

    async def more(last: Recorded | None) -> Sequence[Recorded]:
        return first if last is None else await _Place(last.position, last.hash).read_on(store)

    return await stream(
        call.request,
        more,
        lambda event: ndjson_line(cloud_event(event, source)),
        limit=query.limit,
        headers={EPOCH: str(epoch)},
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a reader stands: a backup that is put in the log's place meanwhile has another event there, or none."""

    position: int
    mark: bytes | None

    async def read_on(self, store: EventStore) -> Sequence[Recorded]:
        """Return the next events. Raises ``Refusal`` when the log is not the one any more that was read up to here."""
        found = await store.read_all(self.position, BATCH)
        if await store.mark(self.position) != self.mark:
            raise _went_back(f"the event at position {self.position} is not the one that was there", None)
        return found


async def _stand(store: EventStore, query: LogQuery) -> tuple[int, _Place]:
    """Return the epoch, and where the reader stands in it."""
    head = await store.head()
    if query.epoch not in {None, head.epoch}:
        what = f"the log is in epoch {head.epoch}, and positions of epoch {query.epoch} may stand for other events"
        raise _went_back(what, head.epoch)
    if query.after > head.position:
        raise _went_back(f"the log ends at position {head.position}, before position {query.after}", head.epoch)
    return head.epoch, _Place(query.after, await store.mark(query.after))


def _went_back(what: str, epoch: int | None) -> Refusal:
    details: dict[str, object] = {} if epoch is None else {"epoch": epoch}
    message = f"A backup was restored since: {what}. Read the log anew from its beginning."
    return Refusal("version_conflict", message, **details)


async def _awaited(call: Call, query: LogQuery, place: _Place) -> Sequence[Recorded]:
    store, news = call.request.app[STORE], call.request.app[NEW_EVENTS]
    clock = asyncio.get_running_loop().time
    until = clock() + query.wait
    while not (found := await place.read_on(store)) and clock() < until and not news.closed:
        await news.wait(until - clock())
    return found


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/workspaces/{slug}/events",
        identifier="list_events",
        summary="The workspace's history, oldest first; as NDJSON or CSV all of it at once, with people by ids alone",
        access="read",
        handler=list_events,
        query=PageQuery,
        answers={200: Answer("The events.", {JSON: Page[EventShape], NDJSON: EventShape, CSV: None})},
        refusals=("workspace_unknown",),
    ),
    Operation(
        method="GET",
        path="/api/v1/events",
        identifier="read_log",
        summary="The whole log behind a position, as CloudEvents 1.0, one a line, people by ids; can wait for the next",
        access="read",
        handler=read_log,
        query=LogQuery,
        answers={200: Answer("The events, in the order in which they were recorded.", {NDJSON: None}, (EPOCH,))},
        refusals=("version_conflict",),
    ),
)
