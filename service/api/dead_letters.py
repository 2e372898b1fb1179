"""Dead letters: what a webhook was told in vain, and sending it again."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from events.catalogue.instants import write_instant
from service.api import cursor
from service.api.answers import answer_json
from service.api.operation import JSON, Answer, Body, Call, Operation
from service.api.parameters import PageQuery
from service.api.shapes import Page, Shape
from service.api.webhooks import operators_only, webhook_id
from service.keys import WEBHOOKS
from service.webhooks.registry import DeadLetter


class ReplayBody(Body):
    """Which dead letters to send again; all of them unless named by position."""

    positions: (
        Annotated[list[Annotated[int, Field(strict=True, ge=1, lt=2**53)]], Field(min_length=1, max_length=500)] | None
    ) = None


class DeadLetterShape(Shape):
    """A message that was given up, and why."""

    position: int
    stream_id: str
    attempts: int
    given_up_at: str
    last_error: str | None


class ReplayedShape(Shape):
    """How many dead letters are sent again."""

    replayed: int


async def list_dead(call: Call) -> web.StreamResponse:
    """Answer one page of a webhook's dead letters, oldest first."""
    webhook, query = await call.request.app[WEBHOOKS].find(webhook_id(call)), call.query_as(PageQuery)
    scope = f"dead-letters/{webhook.webhook_id}"
    after = cursor.decode_number(scope, query.cursor) or 0
    found = await call.request.app[WEBHOOKS].dead_letters(webhook.webhook_id, after, query.limit + 1)
    items, following = cursor.cut(found, query.limit, scope, lambda one: (one.position,))
    return answer_json(Page[DeadLetterShape](items=[_show_dead(one) for one in items], next=following))


async def replay(call: Call) -> web.StreamResponse:
    """Send dead letters again."""
    operators_only(call)
    webhook = await call.request.app[WEBHOOKS].find(webhook_id(call))
    replayed = await call.request.app[WEBHOOKS].replay(webhook.webhook_id, call.body_as(ReplayBody).positions)
    return answer_json(ReplayedShape(replayed=replayed))


def _show_dead(one: DeadLetter) -> DeadLetterShape:
    return DeadLetterShape(
        position=one.position,
        stream_id=one.stream_id,
        attempts=one.attempts,
        given_up_at=write_instant(one.given_up_at),
        last_error=one.last_error,
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/webhooks/{id}/dead-letters",
        identifier="list_dead_letters",
        summary="What a webhook was told in vain, oldest first",
        access="read",
        handler=list_dead,
        query=PageQuery,
        answers={200: Answer("One page.", {JSON: Page[DeadLetterShape]})},
        refusals=("not_found",),
    ),
    Operation(
        method="POST",
        path="/api/v1/webhooks/{id}/dead-letters/replay",
        identifier="replay_dead_letters",
        summary="Send dead letters again, all or those of some positions; operators only",
        access="write",
        handler=replay,
        body=ReplayBody,
        answers={200: Answer("How many are sent again.", {JSON: ReplayedShape})},
        refusals=("not_found",),
    ),
)
