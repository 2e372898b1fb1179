"""Proofs against checkpoints: that an event is in the log, and that the log only grew."""

import base64
from typing import Annotated

from aiohttp import web
from pydantic import Field

from events.intake import tree_state
from events.refusals import Refusal
from events.signed import find_checkpoint
from events.tiles import TreeDamaged, consistency_proof, inclusion_proofs
from service.api.answers import answer_json
from service.api.checkpoints import CheckpointShape, read_latest, show_checkpoint
from service.api.operation import JSON, Answer, Call, Operation, Query
from service.api.shapes import Shape
from service.errors import invalid
from service.keys import POOL


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


async def prove_inclusion(call: Call) -> web.Response:
    """Answer the proof that an event is in the log."""
    query = call.query_as(InclusionQuery)
    async with call.request.app[POOL].acquire() as conn:
        row = await conn.fetchrow("select leaf_index, hash from ledger.events where position = $1", query.position)
        if row is None:
            raise Refusal("not_found", "There is no event at this position.")
        size, checkpoint = query.size, None
        if size is None:
            checkpoint = await read_latest(call)
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
    later = (await read_latest(call)).checkpoint.size if query.later is None else query.later
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


def _encoded(proof: list[bytes]) -> list[str]:
    return [base64.b64encode(part).decode() for part in proof]


def _broken(error: TreeDamaged) -> Refusal:
    return Refusal("log_broken", f"{error} Tell the operator to run: keyledger verify")


OPERATIONS = (
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
