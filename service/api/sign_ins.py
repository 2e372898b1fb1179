"""Why a sign-in went as it did, from the ledger alone: the configuration it was judged under, and who made it so."""

from collections.abc import Mapping
from typing import Any, Literal

from aiohttp import web

from events.refusals import Refusal
from events.workspace import Workspace
from service.api.answers import answer_json, named_workspace, shown_workspace
from service.api.check_sentences import tell_check, tell_outcome, tell_places, tell_remedy
from service.api.insight import show_sign_in
from service.api.naming import Shown, names_of
from service.api.operation import JSON, Answer, Call, Operation
from service.api.people_shapes import SignInShape
from service.api.provenance import Trail, show_causes
from service.api.shapes import CauseShape, Shape, WorkspaceShape
from service.commands.sign_ins import find_sign_in, read_id
from service.identity.sign_in_retention import was_removed
from service.keys import POOL, SETTINGS, STORE


class CheckShape(Shape):
    """One check: its result, what that means, and the events that made what it was checked against."""

    check: str
    result: str
    sentence: str
    events: list[CauseShape]


class ExplanationShape(Shape):
    """Why a sign-in went as it did.

    ``configuration`` is the one that it was judged under: of the version that the log names, or, where it ended before
    it was judged, of its moment (``configuration_as_of``); null where there was none. ``events`` made what the outcome
    as such rested on. ``remedy`` says what would have to change.
    """

    sign_in: SignInShape
    outcome: str
    checks: list[CheckShape]
    events: list[CauseShape]
    remedy: str | None
    explanation: str | None
    okta_field: str | None
    configuration_as_of: Literal["version", "moment"]
    configuration: WorkspaceShape | None


async def explain(call: Call) -> web.StreamResponse:
    """Answer one sign-in with the configuration it was judged under and the events that made that so."""
    slug = await named_workspace(call)
    row = await find_sign_in(call.request.app[POOL], slug, call.path("id"))
    if row is None:
        raise await _not_there(call, slug)
    trail = await _followed(call, slug, row)
    then = trail.state if trail.state.version else None
    shown = await names_of(call, trail.all_events())
    places = tell_places(row["reason"]) if then else ()
    shape = ExplanationShape(
        sign_in=show_sign_in(row),
        outcome=tell_outcome(row["reason"]),
        checks=[_check(name, str(result), row, then, trail, shown) for name, result in row["checks"].items()],
        events=show_causes(trail.makers_of(*places), shown) if places else [],
        remedy=tell_remedy(row["reason"], row["detail"]),
        explanation=row["explanation"],
        okta_field=row["okta_field"],
        configuration_as_of="moment" if row["config_version"] is None else "version",
        configuration=None if then is None else await shown_workspace(call, then),
    )
    return answer_json(shape)


async def _not_there(call: Call, slug: str) -> Refusal:
    days, sign_in_id = call.request.app[SETTINGS].sign_in_log_days, read_id(call.path("id"))
    if sign_in_id is not None and await was_removed(call.request.app[POOL], sign_in_id):
        message = (
            f"Sign-ins with ids as low as this one were removed: the log is kept for {days} days. How many there were, "
            f"and how they ended, is still counted: keyledger sign-ins {slug} --counts"
        )
        return Refusal("sign_in_removed", message, kept_days=days)
    message = (
        f"The log of {slug} has no sign-in with this id or request id. It is kept for {days} days; by a request id "
        "nobody can tell an older one from one that never was."
    )
    return Refusal("not_found", message)


async def _followed(call: Call, slug: str, row: Mapping[str, Any]) -> Trail:
    version = row["config_version"]
    trail = Trail(Workspace(slug))
    async for event in call.request.app[STORE].stream(slug, until=row["at"] if version is None else None):
        if version is not None and event.version > version:
            break
        trail.take(event)
    return trail


def _check(
    name: str, result: str, row: Mapping[str, Any], then: Workspace | None, trail: Trail, shown: Shown
) -> CheckShape:
    told = tell_check(name, result, row["email"], then)
    events = trail.makers_of(*told.places) if told.places and then else []
    return CheckShape(check=name, result=result, sentence=told.sentence, events=show_causes(events, shown))


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/workspaces/{slug}/sign-ins/{id}",
        identifier="explain_sign_in",
        summary="Why a sign-in (by its id, or the request id on the person's page) went as it did, from the ledger",
        access="read",
        handler=explain,
        answers={200: Answer("Why.", {JSON: ExplanationShape})},
        refusals=("workspace_unknown", "not_found", "sign_in_removed"),
    ),
)
