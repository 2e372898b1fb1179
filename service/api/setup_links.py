"""Set-up links: what support sends to the customer's administrator, who then sets the connection up."""

from typing import Annotated
from uuid import uuid4

from aiohttp import web
from pydantic import Field

from events.commands.access import SETUP_LINK_HOURS_MAXIMUM, IssueSetupLink
from service.api.changes import CHANGE_REFUSALS, answer_change, asker, show_outcome
from service.api.operation import JSON, Answer, Call, Operation
from service.api.reading import read_expected_version
from service.api.shapes import RecordedShape
from service.commands.proposals import Change, Explanation
from service.commands.terms import Terms
from service.identity.setup_link import new_setup_token, setup_token_hash
from service.keys import COMMANDS, SETTINGS


class SetupLinkBody(Explanation):
    """For how many hours the link, and the session that it is exchanged for, last."""

    hours: Annotated[int, Field(strict=True, ge=1, le=SETUP_LINK_HOURS_MAXIMUM)] = 72


class SetupLinkShape(RecordedShape):
    """The link, told this once, and its end."""

    id: str
    url: str
    expires_at: str


async def issue(call: Call) -> web.StreamResponse:
    """Make a set-up link. It cannot be told again, so that a repeated request makes another."""
    body, slug, link_id = call.body_as(SetupLinkBody), call.path("slug"), str(uuid4())
    token = new_setup_token(slug)
    command = IssueSetupLink(link_id=link_id, token_hash=setup_token_hash(token), hours=body.hours)
    terms = Terms(read_expected_version(call.request.headers))
    outcome = await call.request.app[COMMANDS].execute(slug, [Change(command, body)], asker(call), terms)
    url = f"{call.request.app[SETTINGS].public_url}/setup/{token}"
    expires_at = str(outcome.events[0].data["expires_at"])
    shape = SetupLinkShape(**dict(await show_outcome(call, outcome)), id=link_id, url=url, expires_at=expires_at)
    return answer_change(outcome, shape)


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/v1/workspaces/{slug}/setup-links",
        identifier="issue_setup_link",
        summary="Make a link with which the customer's administrator sets the connection up",
        access="write",
        handler=issue,
        body=SetupLinkBody,
        headers=("If-Match",),
        answers={201: Answer("The link.", {JSON: SetupLinkShape}, ("ETag",))},
        refusals=CHANGE_REFUSALS,
    ),
)
