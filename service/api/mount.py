"""From operations to routes: who asks, may they, is it well-formed; then the handler. Every refusal is a problem."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from aiohttp import web
from pydantic import TypeAdapter

from events.refusals import STATUS, Refusal
from events.store import StoreBusy
from events.workspace import UnreadableEvent
from service.api.authentication import authenticate
from service.api.operation import Call, Operation
from service.api.problem import problem, problem_of_http, problem_of_refusal
from service.api.reading import check, read_body, read_query, refuse_body
from service.db import is_away
from service.errors import Forbidden, WorkspaceParked
from service.keys import REQUEST_ID
from service.tokens import NOBODY, may

log = structlog.get_logger("api")

RETRY_AFTER_S = 2


def mount(app: web.Application, operations: Sequence[Operation]) -> None:
    """Add one route for each operation."""
    for operation in operations:
        app.router.add_route(operation.method, operation.path, _route(operation), name=operation.identifier)


def _route(operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    parse = operation.parse or _checking(operation.body)

    async def handle(request: web.Request) -> web.StreamResponse:
        principal = NOBODY if operation.access == "public" else await authenticate(request)
        if not may(principal.role, operation.access):
            raise Forbidden(principal.role, "support" if operation.access == "write" else "auditor")
        if any("\0" in part for part in request.match_info.values()):
            # The one character that the database cannot be asked about.
            raise web.HTTPNotFound
        query = read_query(request, operation.query)
        raw = await _body(request, operation)
        if operation.body is not None and operation.access != "public":
            # A body takes as long as its sender likes; the token may have been revoked or have ended meanwhile.
            principal = await authenticate(request)
        return await operation.handler(Call(request, principal, query, parse(raw), raw))

    async def answer(request: web.Request) -> web.StreamResponse:
        request_id = request.get(REQUEST_ID, "")
        try:
            response = await handle(request)
        except Refusal as refusal:
            response = problem_of_refusal(refusal, request_id)
        except web.HTTPException as error:
            response = problem_of_http(error, request_id)
        except Exception as error:  # noqa: BLE001 - whatever it is becomes a problem document
            response = _failed(operation, error, request_id)
        if not response.prepared:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return answer


async def _body(request: web.Request, operation: Operation) -> object:
    if operation.body is None:
        await refuse_body(request)
        return None
    return await read_body(request, operation.body_limit)


def _failed(operation: Operation, error: Exception, request_id: str) -> web.Response:
    """Nothing was changed when the database is away, or a repetition by key tells."""
    unreadable = error if isinstance(error, UnreadableEvent) else error.__cause__
    if isinstance(unreadable, UnreadableEvent):
        log.error("workspace_parked", operation=operation.identifier, workspace=unreadable.stream_id)
        return problem_of_refusal(WorkspaceParked(unreadable), request_id)
    if isinstance(error, StoreBusy) or is_away(error):
        log.error("database_away", operation=operation.identifier, exc_info=error)
        sentence = "The database does not answer at this moment. Try again in a few seconds."
        return problem("busy", sentence, STATUS["busy"], request_id, {"retry_after": RETRY_AFTER_S})
    log.error("request_failed", operation=operation.identifier, request_id=request_id, exc_info=error)
    sentence = "Something went wrong here. Name the request id when you ask for help."
    return problem("internal", sentence, 500, request_id)


def _checking(body: Any) -> Callable[[object], object]:
    if body is None:
        return lambda value: value
    adapter, known = TypeAdapter[Any](body), list(getattr(body, "model_fields", ()))
    return lambda value: check(adapter, value, known)
