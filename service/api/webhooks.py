"""Webhooks: which addresses outside are told of events."""

from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from aiohttp import web
from pydantic import AfterValidator, Field, StringConstraints

from events.catalogue import CATALOGUE
from events.catalogue.instants import write_instant
from events.refusals import Refusal
from service.api.answers import answer_json
from service.api.changes import asker
from service.api.operation import JSON, Answer, Call, Operation
from service.api.presentation import instant
from service.api.shapes import Page, Shape
from service.commands.proposals import Explanation, Line
from service.errors import Forbidden
from service.keys import COMMANDS, WEBHOOKS
from service.webhooks.registry import Webhook

EventType: Any = Literal[tuple(sorted(CATALOGUE))]  # type: ignore[misc, unused-ignore]  # as many as there are


def _each_once(types: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(types)))


class WebhookBody(Explanation):
    """An address to tell of events. Without ``workspace`` of the whole log, without ``types`` of every type."""

    url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2048)]
    workspace: Annotated[str | None, StringConstraints(min_length=2, max_length=63)] = None
    types: Annotated[tuple[EventType, ...], Field(min_length=1, max_length=100), AfterValidator(_each_once)] | None = (
        None
    )
    description: Line | None = None


class RotationBody(Explanation):
    """How long the former secret signs as well, so that the receiver can change over; 0 where it became known."""

    keep_hours: Annotated[int, Field(strict=True, ge=0, le=168)] = 24


class WebhookShape(Shape):
    """A webhook. ``waiting`` messages are still to be taken, ``dead`` ones were given up."""

    id: str
    url: str
    workspace: str | None
    types: list[str] | None
    description: str
    position: int
    created_at: str
    disabled_at: str | None
    disabled_because: str | None
    waiting: int
    dead: int


class AddedWebhookShape(Shape):
    """A webhook, and the new secret that its messages are signed with (Standard Webhooks). It is shown this once."""

    webhook: WebhookShape
    secret: str


async def add(call: Call) -> web.StreamResponse:
    """Tell an address of what is recorded from now on."""
    operators_only(call)
    body = call.body_as(WebhookBody)
    context = await asker(call).context(call.request.app[COMMANDS].resources.identity.names, body)
    made, secret = await call.request.app[WEBHOOKS].add(
        body.url, body.workspace, body.types, body.description or "", context
    )
    return answer_json(AddedWebhookShape(webhook=_show(made), secret=secret.get_secret_value()), status=201)


async def list_all(call: Call) -> web.StreamResponse:
    """Answer all webhooks. Path and query of an address often are what lets one post there: operators read them."""
    found = await call.request.app[WEBHOOKS].find_all()
    shown = [_show(one) for one in found]
    if call.principal.role != "operator":
        shown = [one.model_copy(update={"url": _origin(one.url)}) for one in shown]
    return answer_json(Page[WebhookShape](items=shown, next=None))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/..."


async def rotate(call: Call) -> web.StreamResponse:
    """Sign with a new secret."""
    operators_only(call)
    body, webhook = call.body_as(RotationBody), await call.request.app[WEBHOOKS].find(webhook_id(call))
    context = await asker(call).context(call.request.app[COMMANDS].resources.identity.names, body)
    keep = timedelta(hours=body.keep_hours)
    rotated, secret = await call.request.app[WEBHOOKS].rotate(webhook.webhook_id, keep, context)
    return answer_json(AddedWebhookShape(webhook=_show(rotated), secret=secret.get_secret_value()))


async def remove(call: Call) -> web.StreamResponse:
    """Tell an address of nothing more."""
    operators_only(call)
    found = await call.request.app[WEBHOOKS].find(webhook_id(call))
    context = await asker(call).context(call.request.app[COMMANDS].resources.identity.names, Explanation())
    await call.request.app[WEBHOOKS].remove(found.webhook_id, context)
    return answer_json(_show(found))


def operators_only(call: Call) -> None:
    """Refuse everybody but operators.

    Raises:
        Refusal: ``forbidden``.
    """
    # What is recorded leaves the house here: no matter of one customer's support.
    if call.principal.role != "operator":
        raise Forbidden(call.principal.role, "operator")


def webhook_id(call: Call) -> UUID:
    """Return the webhook that the path names.

    Raises:
        Refusal: ``not_found``, when it can be none's.
    """
    try:
        return UUID(call.path("id"))
    except ValueError:
        raise Refusal("not_found", "There is no such webhook. See: keyledger webhook list") from None


def _show(one: Webhook) -> WebhookShape:
    return WebhookShape(
        id=str(one.webhook_id),
        url=one.url,
        workspace=one.workspace,
        types=None if one.types is None else [*one.types],
        description=one.description,
        position=one.position,
        created_at=write_instant(one.created_at),
        disabled_at=instant(one.disabled_at),
        disabled_because=one.disabled_because,
        waiting=one.waiting,
        dead=one.dead,
    )


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/v1/webhooks",
        identifier="add_webhook",
        summary="Tell an https address of every event from now on, signed (Standard Webhooks); operators only",
        access="write",
        handler=add,
        body=WebhookBody,
        answers={201: Answer("The webhook, and its secret.", {JSON: AddedWebhookShape})},
        refusals=("workspace_unknown",),
    ),
    Operation(
        method="GET",
        path="/api/v1/webhooks",
        identifier="list_webhooks",
        summary="All webhooks, with what they have not taken",
        access="read",
        handler=list_all,
        answers={200: Answer("The webhooks.", {JSON: Page[WebhookShape]})},
    ),
    Operation(
        method="POST",
        path="/api/v1/webhooks/{id}/secret",
        identifier="rotate_webhook_secret",
        summary="Sign with a new secret, which is shown this once, and with the former one too for a while",
        access="write",
        handler=rotate,
        body=RotationBody,
        answers={200: Answer("The webhook, and its new secret.", {JSON: AddedWebhookShape})},
        refusals=("not_found",),
    ),
    Operation(
        method="DELETE",
        path="/api/v1/webhooks/{id}",
        identifier="remove_webhook",
        summary="Tell an address of nothing more; operators only",
        access="write",
        handler=remove,
        answers={200: Answer("The webhook as it was.", {JSON: WebhookShape})},
        refusals=("not_found",),
    ),
)
