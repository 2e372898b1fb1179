"""Reading what happened: a workspace's history in pages or as NDJSON, and the whole log as CloudEvents."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

import orjson
import structlog
from aiohttp import web
from pydantic import Field

from events.envelope import Recorded
from service.api import cursor
from service.api.answers import answer_json, found_workspace
from service.api.operation import JSON, NDJSON, Answer, Call, Operation, Query
from service.api.parameters import PageQuery
from service.api.presentation import cloud_event, show_event
from service.api.shapes import EventShape, Page
from service.keys import SETTINGS, STORE

log = structlog.get_logger("api")

BATCH = 500
EPOCH = "Keyledger-Epoch"


class LogQuery(Query):
    """Where in the log to start."""

    after: Annotated[int, Field(ge=0, lt=2**63, description="Only events behind this position.")] = 0
    limit: Annotated[
        int | None, Field(ge=1, le=1_000_000, description="How many at most; without it, all there are.")
    ] = None


async def list_events(call: Call) -> web.StreamResponse:
    """Answer one page of a workspace's history, oldest first, or all of it as NDJSON."""
    slug = (await found_workspace(call)).slug
    query = call.query_as(PageQuery)
    # A restored backup takes the history back: a cursor from before would skip what came since.
    scope = f"events/{slug}/{(await call.request.app[STORE].head()).epoch}"
    after = int(cursor.decode(scope, query.cursor, (int,))[0]) if query.cursor is not None else 0
    store = call.request.app[STORE]
    if wants_ndjson(call.request):

        async def more(last: Recorded | None) -> list[Recorded]:
            return await store.read_stream(slug, after if last is None else last.version, BATCH)

        return await stream(call.request, more, lambda event: show_event(event).model_dump(mode="json"), None)
    found = await store.read_stream(slug, after, query.limit + 1)
    items = found[: query.limit]
    following = cursor.encode(scope, items[-1].version) if len(found) > query.limit else None
    return answer_json(Page[EventShape](items=[show_event(event) for event in items], next=following))


async def read_log(call: Call) -> web.StreamResponse:
    """Stream the whole log behind a position, one CloudEvent a line."""
    query = call.query_as(LogQuery)
    store, source = call.request.app[STORE], call.request.app[SETTINGS].public_url

    async def more(last: Recorded | None) -> list[Recorded]:
        return await store.read_all(query.after if last is None else last.position, BATCH)

    epoch = (await store.head()).epoch
    return await stream(call.request, more, lambda event: cloud_event(event, source), query.limit, {EPOCH: str(epoch)})


def wants_ndjson(request: web.Request) -> bool:
    """Whether the caller asks for NDJSON (RFC 9110 12.5.1, the plain form)."""
    accepted = (part.partition(";")[0].strip() for part in request.headers.get("Accept", "").split(","))
    return NDJSON in accepted


async def stream(
    request: web.Request,
    more: Callable[[Recorded | None], Awaitable[list[Recorded]]],
    show: Callable[[Recorded], dict[str, object]],
    limit: int | None,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Write one JSON object a line. What goes wrong after the first line ends the connection unfinished."""
    batch = await more(None)
    response = web.StreamResponse(headers={"Content-Type": NDJSON, "Cache-Control": "no-store", **(headers or {})})
    await response.prepare(request)
    left = limit
    try:
        while batch and left != 0:
            shown = batch if left is None else batch[:left]
            left = None if left is None else left - len(shown)
            await response.write(b"".join(_line(show(event)) for event in shown))
            batch = await more(batch[-1])
        await response.write_eof()
    except ConnectionResetError:
        log.info("stream_left", path=request.path)
    except Exception:
        # The status is out; only an end without the closing chunk (RFC 9112 7.1) tells that lines are missing.
        log.exception("stream_broken", path=request.path)
        if request.transport is not None:
            request.transport.abort()
    return response


def _line(value: dict[str, object]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/workspaces/{slug}/events",
        identifier="list_events",
        summary="The workspace's history, oldest first; as NDJSON all of it at once",
        access="read",
        handler=list_events,
        query=PageQuery,
        answers={200: Answer("The events.", {JSON: Page[EventShape], NDJSON: EventShape})},
        refusals=("workspace_unknown",),
    ),
    Operation(
        method="GET",
        path="/api/v1/events",
        identifier="read_log",
        summary="The whole log behind a position, as CloudEvents 1.0, one a line",
        access="read",
        handler=read_log,
        query=LogQuery,
        answers={200: Answer("The events, in the order in which they were recorded.", {NDJSON: None}, (EPOCH,))},
    ),
)
