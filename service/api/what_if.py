"""What a change would do, before it is made: whom it would let in or refuse, and by which rule. Nothing is recorded."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import Field

from events.envelope import NewEvent
from events.workspace import Workspace
from service.api.answers import answer_json, shown_workspace
from service.api.changes import asker, parse_emissions
from service.api.check_sentences import tell_check, tell_outcome
from service.api.difference import difference
from service.api.operation import JSON, Answer, Call, Operation, Query
from service.api.shapes import ChangeShape, Shape
from service.commands.judging import Decided, Judgements
from service.commands.person import Finding
from service.commands.proposals import EMISSIONS, Change
from service.commands.what_if import Proposed, what_if
from service.keys import COMMANDS

_ADMITTED: Final[Mapping[str, str]] = {
    "known": "Let in, as a known member.",
    "linked": "Let in; the account is linked to the member with its address.",
    "invited": "Let in by the invitation.",
    "confirm_link": "Let in once a mail has confirmed that the account is theirs.",
    "uncertain": "It hangs on whether the provider calls the address verified, which the log does not hold.",
}


class WhatIfQuery(Query):
    """How much is judged again, beside all members."""

    sign_ins: Annotated[int, Field(ge=0, le=1000, description="How many of the last sign-ins are judged again.")] = 200


class WouldRecordShape(Shape):
    """An event that would be recorded."""

    type: str
    data: dict[str, Any]


class RefusedShape(Shape):
    """Why a proposed event would be refused."""

    code: str
    detail: str


class ProposedShape(Shape):
    """What one proposed event would come to."""

    type: str
    events: list[WouldRecordShape]
    refusal: RefusedShape | None


class FindingShape(Shape):
    """What the policy comes to. ``admitted`` is null where it hangs on what only the provider knows.

    ``check`` is the rule that decided, with its result.
    """

    admitted: bool | None
    outcome: Literal["known", "linked", "invited", "created", "confirm_link", "refused", "uncertain"]
    reason: str | None
    detail: str | None
    check: str | None
    result: str | None
    sentence: str


class WayShape(Shape):
    """One way in, as it is and as it would be."""

    method: Literal["sso", "google", "magic_link"]
    before: FindingShape
    after: FindingShape


class DecidedShape(Shape):
    """Somebody who would be decided otherwise. ``sign_in_id`` and ``reason`` are the log's, where it is from there."""

    email: str
    member_id: str | None
    role: str | None
    sign_in_id: int | None
    reason: str | None
    ways: list[WayShape]


class JudgementsShape(Shape):
    """Who would be decided otherwise. The lists name at most 200 each; ``counts`` counts all of each list."""

    checked: int
    counts: dict[str, int]
    newly_admitted: list[DecidedShape]
    newly_refused: list[DecidedShape]
    otherwise: list[DecidedShape]
    uncertain: list[DecidedShape]


class WhatIfShape(Shape):
    """What a change would do. A real one records all events or none; where one is refused, the rest is told anyway."""

    slug: str
    version: int
    accepted: bool
    proposed: list[ProposedShape]
    changes: list[ChangeShape]
    members: JudgementsShape
    sign_ins: JudgementsShape


async def imagine(call: Call) -> web.StreamResponse:
    """Answer what the proposed events would do."""
    changes: list[Change] = call.body_as(list)
    resources, query = call.request.app[COMMANDS].resources, call.query_as(WhatIfQuery)
    found = await what_if(resources, call.path("slug"), changes, asker(call), query.sign_ins)
    before, after = await shown_workspace(call, found.before), await shown_workspace(call, found.after)
    shape = WhatIfShape(
        slug=found.before.slug,
        version=found.before.version,
        accepted=all(one.refusal is None for one in found.proposed),
        proposed=[_proposed(one) for one in found.proposed],
        changes=difference(before, after, lambda _path: []),
        members=_judgements(found.members, found.before, found.after),
        sign_ins=_judgements(found.sign_ins, found.before, found.after),
    )
    return answer_json(shape)


def _proposed(one: Proposed) -> ProposedShape:
    refusal = None if one.refusal is None else RefusedShape(code=one.refusal.code, detail=one.refusal.message)
    return ProposedShape(type=one.type, events=[_event(event) for event in one.events], refusal=refusal)


def _event(event: NewEvent) -> WouldRecordShape:
    # The secret was not sealed, so that there is nothing to tell of it.
    return WouldRecordShape(type=event.type, data=event.data.model_dump(mode="json", exclude={"secret"}))


def _judgements(made: Judgements, before: Workspace, after: Workspace) -> JudgementsShape:
    def listed(people: list[Decided]) -> list[DecidedShape]:
        return [_decided(one, before, after) for one in people]

    return JudgementsShape(
        checked=made.checked,
        counts=made.counts,
        newly_admitted=listed(made.newly_admitted),
        newly_refused=listed(made.newly_refused),
        otherwise=listed(made.otherwise),
        uncertain=listed(made.uncertain),
    )


def _decided(one: Decided, before: Workspace, after: Workspace) -> DecidedShape:
    return DecidedShape(
        email=one.email,
        member_id=None if one.member_id is None else str(one.member_id),
        role=one.role,
        sign_in_id=one.sign_in_id,
        reason=one.reason,
        ways=[
            WayShape(
                method=way.method,
                before=_finding(way.before, one.email, before),
                after=_finding(way.after, one.email, after),
            )
            for way in one.ways
        ],
    )


def _finding(found: Finding, email: str, under: Workspace) -> FindingShape:
    check, result = found.check or (None, None)
    if found.outcome == "created":
        sentence = f"Let in, created just in time as {found.role}."
    elif found.outcome != "refused":
        sentence = _ADMITTED[found.outcome]
    elif check is None or result is None:
        sentence = tell_outcome(found.reason or "")
    else:
        sentence = tell_check(check, result, email, under).sentence
    return FindingShape(
        admitted=found.admitted,
        outcome=found.outcome,
        reason=found.reason,
        detail=found.detail,
        check=check,
        result=result,
        sentence=sentence,
    )


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/v1/workspaces/{slug}/what-if",
        identifier="imagine_change",
        summary="Who would be let in or refused if these events were recorded, and by which rule; records nothing",
        access="write",
        handler=imagine,
        query=WhatIfQuery,
        body=EMISSIONS | list[EMISSIONS],
        parse=parse_emissions,
        answers={200: Answer("What the change would do.", {JSON: WhatIfShape})},
        refusals=("workspace_unknown", "event_type_unknown"),
    ),
)
