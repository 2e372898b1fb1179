"""What support looks at before and after a change: what is missing, and how sign-ins went."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from events.catalogue.instants import write_instant
from events.decisions import SENTENCES
from service.api import cursor
from service.api.answers import answer_json, entity_tag, named_workspace
from service.api.operation import CSV, JSON, NDJSON, Answer, Call, Operation
from service.api.parameters import PageQuery
from service.api.people_shapes import AffectedShape, GateShape, MissingShape, ReadinessShape, SignInShape
from service.api.shapes import Page
from service.api.streaming import BATCH, csv_line, ndjson_line, stream, wanted
from service.commands.assessment import assess
from service.commands.sign_ins import list_sign_ins
from service.keys import COMMANDS, POOL

COLUMNS = tuple(SignInShape.model_fields)


async def read_readiness(call: Call) -> web.StreamResponse:
    """Answer what is missing before SSO and before enforcement, and whom enforcement would affect."""
    slug = await named_workspace(call)
    found = await assess(call.request.app[COMMANDS].resources, slug, call.principal.actor)
    workspace, state = found.workspace, found.readiness

    def named(ids: tuple[str, ...]) -> list[str]:
        return [found.addresses.get(one, one) for one in ids]

    shape = ReadinessShape(
        slug=slug,
        version=workspace.version,
        sso=_gate(workspace.sso_enabled, state.sso),
        enforcement=_gate(workspace.enforcement is not None, state.enforcement),
        unverified_domains=list(state.unverified_domains),
        affected=AffectedShape(
            outside_domains=named(state.affected.outside_domains),
            never_by_sso=named(state.affected.never_by_sso),
            owners=named(state.affected.owners),
            open_invitations=named(state.affected.open_invitations),
            invitations_outside_domains=named(state.affected.invitations_outside_domains),
        ),
    )
    return answer_json(shape, headers=entity_tag(workspace.version))


async def list_log(call: Call) -> web.StreamResponse:
    """Answer one page of the sign-ins, newest first, or all that the log still has as NDJSON or CSV."""
    slug, query = await named_workspace(call), call.query_as(PageQuery)
    scope, pool = f"sign-ins/{slug}", call.request.app[POOL]
    before = cursor.decode_number(scope, query.cursor)

    async def more(last: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
        return await list_sign_ins(pool, slug, BATCH, before if last is None else last["sign_in_id"])

    media = wanted(call.request)
    if media == NDJSON:
        return await stream(call.request, more, lambda row: ndjson_line(show_sign_in(row).model_dump(mode="json")))
    if media == CSV:
        return await stream(call.request, more, _csv_line, media=CSV, title=csv_line(COLUMNS))
    found = await list_sign_ins(pool, slug, query.limit + 1, before)
    items, following = cursor.cut(found, query.limit, scope, lambda row: (row["sign_in_id"],))
    return answer_json(Page[SignInShape](items=[show_sign_in(one) for one in items], next=following))


def _csv_line(row: Mapping[str, Any]) -> bytes:
    shown = show_sign_in(row).model_dump(mode="json")
    return csv_line([shown[name] for name in COLUMNS])


def _gate(enabled: bool, missing: tuple[str, ...]) -> GateShape:
    told = [MissingShape(item=item, sentence=SENTENCES[item]) for item in missing]
    return GateShape(enabled=enabled, ready=not missing, missing=told)


def show_sign_in(row: Mapping[str, Any]) -> SignInShape:
    """Return a row of the log."""
    names = set(SignInShape.model_fields) - {"id", "at", "member_id"}
    return SignInShape(
        id=row["sign_in_id"],
        at=write_instant(row["at"]),
        member_id=None if row["member_id"] is None else str(row["member_id"]),
        **{name: row[name] for name in names},
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/workspaces/{slug}/readiness",
        identifier="read_readiness",
        summary="What is missing before SSO and before enforcement, and whom enforcement would affect",
        access="read",
        handler=read_readiness,
        answers={200: Answer("What is missing.", {JSON: ReadinessShape}, ("ETag",))},
        refusals=("workspace_unknown",),
    ),
    Operation(
        method="GET",
        path="/api/v1/workspaces/{slug}/sign-ins",
        identifier="list_sign_ins",
        summary="The sign-ins, good and bad, newest first; as NDJSON or CSV all that the log still has",
        access="read",
        handler=list_log,
        query=PageQuery,
        answers={200: Answer("One page.", {JSON: Page[SignInShape], NDJSON: SignInShape, CSV: None})},
        refusals=("workspace_unknown",),
    ),
)
