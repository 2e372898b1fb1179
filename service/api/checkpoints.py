"""Signed checkpoints of the log, and the keys that signed them."""

import base64

from aiohttp import web

from events.catalogue.instants import write_instant
from events.refusals import Refusal
from events.signed import Signed, latest_checkpoint, list_checkpoints
from events.signing import read_ends, read_keys
from service.api import cursor
from service.api.answers import answer_json
from service.api.operation import JSON, Answer, Call, Operation
from service.api.parameters import PageQuery
from service.api.shapes import Page, Shape
from service.keys import POOL, SETTINGS

SCOPE = "checkpoints"
NOTE = "text/plain"


class CheckpointShape(Shape):
    """A checkpoint. ``note`` is what is signed (C2SP tlog-checkpoint); the rest repeats what it says."""

    size: int
    root: str
    position: int
    streams: int
    heads_root: str
    made_at: str
    key_id: str
    note: str


class SigningKeyShape(Shape):
    """A key that signs checkpoints, or did. ``key`` is how programs for signed notes take it.

    ``until_size``: a retired key signed up to the checkpoint of so many events; what it alone signs beyond is not this
    log's.
    """

    key_id: str
    key: str
    since: str
    until_size: int | None
    current: bool


class SigningKeysShape(Shape):
    """All keys of this log, oldest first."""

    items: list[SigningKeyShape]
    next: None = None


async def list_all(call: Call) -> web.Response:
    """Answer one page of the checkpoints, the oldest first."""
    query = call.query_as(PageQuery)
    after = cursor.decode_number(SCOPE, query.cursor)
    found = await list_checkpoints(call.request.app[POOL], -1 if after is None else after, query.limit + 1)
    items, following = cursor.cut(found, query.limit, SCOPE, lambda one: (one.checkpoint.size,))
    return answer_json(Page[CheckpointShape](items=[show_checkpoint(one) for one in items], next=following))


async def show_latest(call: Call) -> web.Response:
    """Answer the newest checkpoint, as JSON or as the signed note alone."""
    latest = await read_latest(call)
    accepted = (part.partition(";")[0].strip() for part in call.request.headers.get("Accept", "").split(","))
    if NOTE in accepted:
        return web.Response(text=latest.note, content_type=NOTE)
    return answer_json(show_checkpoint(latest))


async def read_signing_keys(call: Call) -> web.Response:
    """Answer the public keys."""
    keys, ends = await read_keys(call.request.app[POOL]), await read_ends(call.request.app[POOL])
    shown = [
        SigningKeyShape(
            key_id=one.key_id,
            key=str(one.key),
            since=write_instant(one.since),
            until_size=ends.get(one.key),
            current=one is keys[-1],
        )
        for one in keys
    ]
    return answer_json(SigningKeysShape(items=shown))


async def read_latest(call: Call) -> Signed:
    """Return the newest checkpoint.

    Raises:
        Refusal: ``not_found``, before the first one was made.
    """
    found = await latest_checkpoint(call.request.app[POOL])
    if found is None:
        every = call.request.app[SETTINGS].checkpoint_seconds
        raise Refusal("not_found", f"No checkpoint was made yet. The first one comes within about {every} seconds.")
    return found


def show_checkpoint(signed: Signed) -> CheckpointShape:
    """Return a checkpoint as it is shown."""
    checkpoint = signed.checkpoint
    return CheckpointShape(
        size=checkpoint.size,
        root=base64.b64encode(checkpoint.root).decode(),
        position=checkpoint.position,
        streams=checkpoint.streams,
        heads_root=base64.b64encode(checkpoint.heads_root).decode(),
        made_at=checkpoint.made_at,
        key_id=signed.key_id,
        note=signed.note,
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/checkpoints",
        identifier="list_checkpoints",
        summary="The signed checkpoints of the log, oldest first",
        access="read",
        handler=list_all,
        query=PageQuery,
        answers={200: Answer("One page.", {JSON: Page[CheckpointShape]})},
    ),
    Operation(
        method="GET",
        path="/api/v1/checkpoints/latest",
        identifier="read_latest_checkpoint",
        summary="The newest checkpoint; as text the signed note alone",
        access="read",
        handler=show_latest,
        answers={200: Answer("The checkpoint.", {JSON: CheckpointShape, NOTE: None})},
        refusals=("not_found",),
    ),
    Operation(
        method="GET",
        path="/api/v1/checkpoints/keys",
        identifier="list_signing_keys",
        summary="The public keys that sign checkpoints",
        access="read",
        handler=read_signing_keys,
        answers={200: Answer("All of them, oldest first.", {JSON: SigningKeysShape})},
    ),
)
