"""Workspaces: register, list, read as of any moment, and compare two moments."""

from datetime import datetime
from typing import Annotated, Self

from aiohttp import web
from pydantic import Field, StringConstraints, model_validator

from events.catalogue.event_data import WEBSITE_PATTERN, Plan, Slug
from events.catalogue.instants import write_instant
from events.commands.configuration import RegisterWorkspace
from events.store import PAGE
from events.workspace import Workspace
from projections.fleet import fleet_then
from service.api import cursor
from service.api.answers import answer_json, entity_tag, found_workspace, shown_workspace
from service.api.changes import answer_change, asker, show_outcome, terms
from service.api.difference import difference
from service.api.naming import names_of
from service.api.operation import JSON, Answer, Call, Operation, Query
from service.api.parameters import Moment, PageQuery, Point, Version, read_moment
from service.api.presentation import show_line
from service.api.provenance import Trail, show_causes
from service.api.shapes import DifferenceShape, Page, PointShape, RecordedShape, WorkspaceLine, WorkspaceShape
from service.commands.proposals import Explanation
from service.commands.reading import list_workspaces, read_workspace_then, stream_version
from service.commands.registration import Registration, Registry
from service.db import transaction
from service.errors import invalid
from service.keys import COMMANDS, POOL, STORE

Website = Annotated[str, StringConstraints(pattern=WEBSITE_PATTERN)]


class RegistrationBody(Explanation):
    """A workspace to be. The first owner is invited; websites are the host application's own ids."""

    slug: Slug
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    plan: Plan
    owner_email: Annotated[str | None, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)] = None
    websites: Annotated[tuple[Website, ...], Field(max_length=500)] = ()

    @model_validator(mode="after")
    def _each_website_once(self) -> Self:
        if len(set(self.websites)) < len(self.websites):
            message = "a website is listed twice"
            raise ValueError(message)
        if not self.name.isprintable():
            message = "a name is one line without control characters"
            raise ValueError(message)
        return self


class ThenQuery(Query):
    """As of when; neither means now."""

    at: Annotated[Moment | None, Field(description="As of this moment (RFC 3339).")] = None
    version: Annotated[Version | None, Field(description="As of this version.")] = None


class ListQuery(PageQuery):
    """Which page, and as of when; no moment means now."""

    at: Annotated[Moment | None, Field(description="All workspaces as of this moment (RFC 3339).")] = None


class DiffQuery(Query):
    """Which two versions or moments to compare."""

    earlier: Annotated[Point, Field(alias="from", description="A version, or a moment (RFC 3339).")]
    later: Annotated[Point | None, Field(alias="to", description="A version or a moment; now unless given.")] = None


async def register(call: Call) -> web.StreamResponse:
    """Register a workspace and invite its first owner."""
    body = call.body_as(RegistrationBody)
    registration = Registration(
        RegisterWorkspace(slug=body.slug, name=body.name, plan=body.plan), body, body.owner_email, body.websites
    )
    registry = Registry(call.request.app[COMMANDS])
    outcome = await registry.register(registration, asker(call), terms(call, conditional=False))
    headers = {"Location": f"/api/v1/workspaces/{body.slug}"}
    return answer_change(outcome, await show_outcome(call, outcome), headers)


async def list_all(call: Call) -> web.StreamResponse:
    """Answer one page of the workspaces, by slug, as they are or as they were at a moment."""
    query, app = call.query_as(ListQuery), call.request.app
    if query.at is not None:
        return await _list_then(call, query, read_moment(query.at))
    after = str(cursor.decode("workspaces", query.cursor, (str,))[0]) if query.cursor is not None else ""
    found = await list_workspaces(app[POOL], app[STORE], after, query.limit + 1)
    items, following = cursor.cut(found, query.limit, "workspaces", lambda one: (one.state.slug,))
    return answer_json(Page[WorkspaceLine](items=[show_line(one) for one in items], next=following))


async def _list_then(call: Call, query: ListQuery, at: datetime) -> web.StreamResponse:
    head = await call.request.app[STORE].head()
    # A restored backup takes the log back, and the position with it.
    scope = f"workspaces/{write_instant(at)}/{head.epoch}"
    after, position = "", head.position
    if query.cursor is not None:
        slug, end = cursor.decode(scope, query.cursor, (str, int))
        after, position = str(slug), int(end)
    async with transaction(call.request.app[POOL]) as connection:
        found = [one async for one in fleet_then(connection, at, position, after, query.limit + 1)]
    items, following = cursor.cut(found, query.limit, scope, lambda one: (one.state.slug, position))
    return answer_json(Page[WorkspaceLine](items=[show_line(one) for one in items], next=following))


async def read(call: Call) -> web.StreamResponse:
    """Answer a workspace's configuration, now or as of a moment or version."""
    query = call.query_as(ThenQuery)
    if query.at is not None and query.version is not None:
        raise invalid("Give either at or version.", "/version", "query")
    point = query.at or (None if query.version is None else str(query.version))
    if point is None:
        then = await found_workspace(call)
    else:
        then = await _then(call, await _newest(call), point, "/at" if query.at else "/version")
    return answer_json(await shown_workspace(call, then), headers=entity_tag(then.version))


async def compare(call: Call) -> web.StreamResponse:
    """Answer what differs between two versions or moments, and the events that made each difference."""
    query = call.query_as(DiffQuery)
    newest = await _newest(call)
    earlier = await _then(call, newest, query.earlier, "/from")
    later = await (found_workspace(call) if query.later is None else _then(call, newest, query.later, "/to"))
    trail = await _between(call, earlier, later)
    shown = await names_of(call, trail.all_events())
    changes = difference(
        await shown_workspace(call, earlier),
        await shown_workspace(call, later),
        lambda path: show_causes(trail.events_of(path), shown),
    )
    shape = DifferenceShape.model_validate(
        {
            "from": PointShape(version=earlier.version, position=earlier.position),
            "to": PointShape(version=later.version, position=later.position),
            "changes": changes,
        }
    )
    return answer_json(shape)


async def _between(call: Call, one: Workspace, other: Workspace) -> Trail:
    """Follow the events between two versions. Looking back, the same events made the difference."""
    start, end = sorted((one, other), key=lambda state: state.version)
    trail, store = Trail(start.copy()), call.request.app[STORE]
    while trail.state.version < end.version:
        most = min(PAGE, end.version - trail.state.version)
        events = await store.read_stream(start.slug, trail.state.version, most)
        if not events:
            break
        for event in events:
            trail.take(event)
    return trail


async def _newest(call: Call) -> int:
    return await stream_version(call.request.app[POOL], call.path("slug"))


async def _then(call: Call, newest: int, point: str, pointer: str) -> Workspace:
    store, slug = call.request.app[STORE], call.path("slug")
    if not point.isdecimal():
        return await read_workspace_then(store, slug, at=read_moment(point))
    version = int(point)
    if version > newest:
        raise invalid(f"The workspace is at version {newest}; there is no such version yet.", pointer, "query")
    return await read_workspace_then(store, slug, version=version)


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/v1/workspaces",
        identifier="register_workspace",
        summary="Register a workspace, and invite its first owner",
        access="write",
        handler=register,
        body=RegistrationBody,
        headers=("Idempotency-Key",),
        answers={
            201: Answer("The workspace exists.", {JSON: RecordedShape}, ("ETag", "Location", "Idempotent-Replayed"))
        },
        refusals=("slug_taken", "idempotency_conflict"),
    ),
    Operation(
        method="GET",
        path="/api/v1/workspaces",
        identifier="list_workspaces",
        summary="All workspaces, by slug, now or as of a moment",
        access="read",
        handler=list_all,
        query=ListQuery,
        answers={200: Answer("One page.", {JSON: Page[WorkspaceLine]})},
    ),
    Operation(
        method="GET",
        path="/api/v1/workspaces/{slug}",
        identifier="read_workspace",
        summary="The workspace's configuration, now or as of a moment or version",
        access="read",
        handler=read,
        query=ThenQuery,
        answers={200: Answer("The configuration.", {JSON: WorkspaceShape}, ("ETag",))},
        refusals=("workspace_unknown",),
    ),
    Operation(
        method="GET",
        path="/api/v1/workspaces/{slug}/diff",
        identifier="compare_versions",
        summary="What differs between two versions or moments, with the events that made each difference",
        access="read",
        handler=compare,
        query=DiffQuery,
        answers={200: Answer("The differences.", {JSON: DifferenceShape})},
        refusals=("workspace_unknown",),
    ),
)
