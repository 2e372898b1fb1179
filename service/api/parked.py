"""Which workspaces a read model had to leave behind, since an event of theirs cannot be taken in."""

from aiohttp import web

from events.catalogue.instants import write_instant
from projections.parking import Parked, read_parked
from projections.timeline import Timeline
from service.api.answers import answer_json
from service.api.operation import JSON, Answer, Call, Operation
from service.api.presentation import instant
from service.api.shapes import Page, Shape
from service.keys import POOL


class ParkedShape(Shape):
    """A workspace that a read model does not follow any more: from ``position`` on its events are missing there.

    While ``parked_at`` is null the event is still tried again. ``workspace`` is null for what belongs to none.
    """

    projection: str
    workspace: str | None
    position: int
    error: str
    attempts: int
    at: str
    parked_at: str | None


async def list_parked(call: Call) -> web.StreamResponse:
    """Answer all that is parked, the longest first."""
    found = await read_parked(call.request.app[POOL], Timeline.name)
    return answer_json(Page[ParkedShape](items=[show_parked(Timeline.name, one) for one in found], next=None))


def show_parked(projection: str, one: Parked) -> ParkedShape:
    """Return what is parked as it is shown."""
    return ParkedShape(
        projection=projection,
        workspace=None if one.stream_id.startswith("$") else one.stream_id,
        position=one.position,
        error=one.error,
        attempts=one.attempts,
        at=write_instant(one.at),
        parked_at=instant(one.parked_at),
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/parked",
        identifier="list_parked",
        summary="Workspaces with an event that a read model cannot take in, and since when they are parked",
        access="read",
        handler=list_parked,
        answers={200: Answer("All of them.", {JSON: Page[ParkedShape]})},
    ),
)
