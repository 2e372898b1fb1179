"""Proof that nothing was rewritten: signed checkpoints, the keys that signed them, and proofs against them."""

import base64
from typing import Annotated

from aiohttp import web
from pydantic import Field

from events.catalogue.instants import write_instant
from events.notary import tree_state
from events.refusals import Refusal
from events.signed import Signed, find_checkpoint, latest_checkpoint, list_checkpoints
from events.signing import read_ends, read_keys
from events.tiles import TreeDamaged, consistency_proof, inclusion_proofs
from service.api import cursor
from service.api.answers import answer_json
from service.api.operation import JSON, Answer, Call, Operation, Query
from service.api.parameters import PageQuery
from service.api.shapes import Page, Shape
from service.errors import invalid
from service.keys import POOL, SETTINGS

SCOPE = "checkpoints"
NOTE = "text/plain"

Size = Annotated[int, Field(ge=0, lt=2**63)]


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


class InclusionShape(Shape):
    """The proof that an event is in the log of ``size`` events (RFC 9162, 2.1.3)."""

    position: int
    leaf_index: int
    size: int
    hash: str
    proof: list[str]
    checkpoint: CheckpointShape | None


class ConsistencyShape(Shape):
    """The proof that the log of ``to`` events begins with that of ``from`` events (RFC 9162, 2.1.4)."""

    earlier: Annotated[int, Field(alias="from")]
    later: Annotated[int, Field(alias="to")]
    proof: list[str]


class InclusionQuery(Query):
    """Which event, and in the log of which size."""

    position: Annotated[int, Field(ge=0, lt=2**63, description="The event's position.")]
    size: Annotated[
        int | None, Field(ge=1, lt=2**63, description="A checkpoint's size; without it, that of the latest.")
    ] = None


class ConsistencyQuery(Query):
    """Between which sizes."""

    earlier: Annotated[int, Field(alias="from", ge=0, lt=2**63, description="The earlier checkpoint's size.")]
    later: Annotated[
        int | None, Field(alias="to", ge=0, lt=2**63, description="The later one's; without it, that of the latest.")
    ] = None


async def list_all(call: Call) -> web.Response:
    """Answer one page of the checkpoints, the oldest first."""
    query = call.query_as(PageQuery)
    after = cursor.decode_number(SCOPE, query.cursor)
    found = await list_checkpoints(call.request.app[POOL], -1 if after is None else after, query.limit + 1)
    items, following = cursor.cut(found, query.limit, SCOPE, lambda one: (one.checkpoint.size,))
    return answer_json(Page[CheckpointShape](items=[show_checkpoint(one) for one in items], next=following))


async def read_latest(call: Call) -> web.Response:
    """Answer the newest checkpoint, as JSON or as the signed note alone."""
    latest = await _latest(call)
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


async def prove_inclusion(call: Call) -> web.Response:
    """Answer the proof that an event is in the log."""
    query = call.query_as(InclusionQuery)
    async with call.request.app[POOL].acquire() as conn:
        row = await conn.fetchrow("select leaf_index, hash from ledger.events where position = $1", query.position)
        if row is None:
            raise Refusal("not_found", "There is no event at this position.")
        size, checkpoint = query.size, None
        if size is None:
            checkpoint = await _latest(call)
            size = checkpoint.checkpoint.size
        else:
            checkpoint = await find_checkpoint(conn, size)
        if size > (await tree_state(conn)).size:
            raise invalid("The log's tree has fewer events than this.", "/size", "query")
        if row["leaf_index"] >= size:
            raise Refusal("not_found", "The checkpoint is older than this event. Ask again when the next one is made.")
        try:
            (proof,) = await inclusion_proofs(conn, [row["leaf_index"]], size)
        except TreeDamaged as error:
            raise _broken(error) from None
    return answer_json(
        InclusionShape(
            position=query.position,
            leaf_index=row["leaf_index"],
            size=size,
            hash=row["hash"].hex(),
            proof=_encoded(proof),
            checkpoint=None if checkpoint is None else show_checkpoint(checkpoint),
        )
    )


async def prove_consistency(call: Call) -> web.Response:
    """Answer the proof that the log only grew."""
    query = call.query_as(ConsistencyQuery)
    later = (await _latest(call)).checkpoint.size if query.later is None else query.later
    async with call.request.app[POOL].acquire() as conn:
        if later > (await tree_state(conn)).size:
            raise invalid("The log's tree has fewer events than this.", "/to", "query")
        if query.earlier > later:
            raise invalid("The earlier size is not above the later one.", "/from", "query")
        try:
            proof = await consistency_proof(conn, query.earlier, later)
        except TreeDamaged as error:
            raise _broken(error) from None
    return answer_json(ConsistencyShape.model_validate({"from": query.earlier, "to": later, "proof": _encoded(proof)}))


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


async def _latest(call: Call) -> Signed:
    found = await latest_checkpoint(call.request.app[POOL])
    if found is None:
        every = call.request.app[SETTINGS].checkpoint_seconds
        raise Refusal("not_found", f"No checkpoint was made yet. The first one comes within about {every} seconds.")
    return found


def _encoded(proof: list[bytes]) -> list[str]:
    return [base64.b64encode(part).decode() for part in proof]


def _broken(error: TreeDamaged) -> Refusal:
    return Refusal("log_broken", f"{error} Tell the operator to run: keyledger verify")


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
        handler=read_latest,
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
    Operation(
        method="GET",
        path="/api/v1/proofs/inclusion",
        identifier="prove_inclusion",
        summary="The proof that the event at a position is in the log",
        access="read",
        handler=prove_inclusion,
        query=InclusionQuery,
        answers={200: Answer("The proof.", {JSON: InclusionShape})},
        refusals=("not_found", "log_broken"),
    ),
    Operation(
        method="GET",
        path="/api/v1/proofs/consistency",
        identifier="prove_consistency",
        summary="The proof that the log between two sizes only grew",
        access="read",
        handler=prove_consistency,
        query=ConsistencyQuery,
        answers={200: Answer("The proof.", {JSON: ConsistencyShape})},
        refusals=("not_found", "log_broken"),
    ),
)
