"""Recording events: one or several, all of them or none, under the terms that the request's headers set."""

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from service.api.answers import answer_json, entity_tag
from service.api.naming import names_of
from service.api.operation import JSON, Answer, Call, Operation
from service.api.presentation import show_event
from service.api.reading import check, read_expected_version, read_idempotency_key
from service.api.shapes import RecordedShape
from service.commands.asking import Asker
from service.commands.idempotency import Idempotency
from service.commands.proposals import EMISSIONS, MAXIMUM_BATCH, Change, Emission, read_changes
from service.commands.terms import Outcome, Terms
from service.errors import invalid
from service.keys import COMMANDS, REQUEST_ID

CHANGE_HEADERS = ("If-Match", "Idempotency-Key")
CHANGE_REFUSALS = ("workspace_unknown", "workspace_closed", "version_conflict", "idempotency_conflict", "busy")

_EMISSION = TypeAdapter(Emission)
_KNOWN = list(Emission.model_fields)


def asker(call: Call) -> Asker:
    """Return who asks: the token, never the body."""
    return Asker(call.principal.actor, call.request.get(REQUEST_ID))


def terms(call: Call, *, conditional: bool = True) -> Terms:
    """Return what the headers say about the version and the repetition.

    The digest of a repeated request covers method, path, condition and body.

    Raises:
        Refusal: ``data_invalid``.
    """
    headers = call.request.headers
    expected = read_expected_version(headers) if conditional else None
    key = read_idempotency_key(headers)
    if key is None:
        return Terms(expected)
    request = [call.request.method, call.request.path, expected, call.raw]
    return Terms(expected, Idempotency(f"token:{call.principal.token_id}", key, request))


def parse_emissions(value: object) -> list[Change]:
    """Return what a body of one emission, or of a list of them, asks for.

    Raises:
        Refusal: ``data_invalid``, ``event_type_unknown`` or ``forbidden``.
    """
    if not isinstance(value, list):
        return read_changes([check(_EMISSION, value, _KNOWN)], listed=False)
    if not 1 <= len(value) <= MAXIMUM_BATCH:
        raise invalid(f"A list holds 1 to {MAXIMUM_BATCH} events.")
    return read_changes([check(_EMISSION, one, _KNOWN, at=[n]) for n, one in enumerate(value)], listed=True)


async def record_events(call: Call) -> web.StreamResponse:
    """Record one or several events, all of them or none."""
    changes: list[Change] = call.body_as(list)
    outcome = await call.request.app[COMMANDS].execute(call.path("slug"), changes, asker(call), terms(call))
    return answer_change(outcome, await show_outcome(call, outcome))


async def show_outcome(call: Call, outcome: Outcome) -> RecordedShape:
    """Return what a change recorded."""
    shown = await names_of(call, outcome.events)
    events = [show_event(event, shown) for event in outcome.events]
    return RecordedShape(events=events, version=outcome.version, position=outcome.position)


def answer_change(outcome: Outcome, shape: BaseModel, headers: dict[str, str] | None = None) -> web.Response:
    """Answer 201 with what was recorded, or 200 when nothing changed."""
    replayed = {"Idempotent-Replayed": "true"} if outcome.replayed else {}
    return answer_json(
        shape,
        status=201 if outcome.events else 200,
        headers={**entity_tag(outcome.version), **replayed, **(headers or {})},
    )


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/v1/workspaces/{slug}/events",
        identifier="record_events",
        summary="Record one event, or a list of them, all or none",
        access="write",
        handler=record_events,
        body=EMISSIONS | list[EMISSIONS],
        parse=parse_emissions,
        headers=CHANGE_HEADERS,
        answers={
            200: Answer("Nothing changed, and nothing was recorded.", {JSON: RecordedShape}, ("ETag",)),
            201: Answer("What was recorded.", {JSON: RecordedShape}, ("ETag", "Idempotent-Replayed")),
        },
        refusals=(
            *CHANGE_REFUSALS,
            "event_type_unknown",
            "plan_without_sso",
            "domain_generic",
            "domain_disposable",
            "domain_invalid",
            "not_ready",
            "not_proven",
            "would_lock_out",
            "member_unknown",
            "provider_unreachable",
            "provider_invalid",
        ),
    ),
)
