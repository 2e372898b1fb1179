"""Invitations: list, invite, send again, revoke."""

from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from events.catalogue.instants import write_instant
from service.api import cursor
from service.api.answers import answer_json, named_workspace
from service.api.changes import CHANGE_HEADERS, CHANGE_REFUSALS, answer_change, asker, show_outcome, terms
from service.api.operation import JSON, Answer, Call, Operation
from service.api.parameters import PageQuery
from service.api.people_bodies import Role, Websites, read_place
from service.api.people_shapes import InvitationShape, InvitedShape
from service.api.shapes import Page
from service.commands.proposals import Explanation
from service.commands.terms import Outcome
from service.identity.invitations import Invitation, Wanted, list_invitations
from service.keys import CLOCK, COMMANDS, POOL


class InvitationBody(Explanation):
    """Whom to invite, and what they may do. ``websites``: all of them, or the ids of some."""

    email: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]
    role: Role = "editor"
    websites: Websites = "all"


class InvitationsQuery(PageQuery):
    """Which invitations to list."""

    status: Annotated[
        Wanted, Field(description="Open ones; or those that ended unaccepted, which suspend just-in-time creation.")
    ] = "open"


async def invite(call: Call) -> web.StreamResponse:
    """Invite somebody; the same invitation again changes nothing."""
    body = call.body_as(InvitationBody)
    people = call.request.app[COMMANDS].people
    outcome = await people.invite(
        call.path("slug"), body.email, body.role, body.websites, body, asker(call), terms(call)
    )
    return await _invited(call, outcome)


async def resend(call: Call) -> web.StreamResponse:
    """Send an invitation again: a new link, and the whole time again."""
    people = call.request.app[COMMANDS].people
    outcome = await people.resend(
        call.path("slug"), call.path("invitation"), call.body_as(Explanation), asker(call), terms(call)
    )
    return await _invited(call, outcome)


async def revoke(call: Call) -> web.StreamResponse:
    """Revoke an open invitation."""
    people = call.request.app[COMMANDS].people
    outcome = await people.revoke(
        call.path("slug"), call.path("invitation"), call.body_as(Explanation), asker(call), terms(call)
    )
    return await _invited(call, outcome)


async def list_some(call: Call) -> web.StreamResponse:
    """Answer one page of the invitations of one standing, oldest first."""
    app, slug, query = call.request.app, await named_workspace(call), call.query_as(InvitationsQuery)
    scope = f"invitations/{slug}/{query.status}"
    place = read_place(scope, query.cursor)
    found = await list_invitations(app[POOL], slug, app[CLOCK](), query.limit + 1, place, query.status)
    items, following = cursor.cut(
        found, query.limit, scope, lambda one: (write_instant(one.created_at), str(one.invitation_id))
    )
    return answer_json(Page[InvitationShape](items=[show_invitation(one) for one in items], next=following))


async def _invited(call: Call, outcome: Outcome) -> web.Response:
    shape = InvitedShape(
        **dict(await show_outcome(call, outcome)), invitation=InvitationShape(**outcome.extra["invitation"])
    )
    return answer_change(outcome, shape)


def show_invitation(invitation: Invitation) -> InvitationShape:
    """Return an invitation as it is shown."""
    return InvitationShape(
        id=str(invitation.invitation_id),
        email=invitation.email,
        role=invitation.role,
        websites=invitation.websites,
        status=invitation.status,
        created_at=write_instant(invitation.created_at),
        expires_at=write_instant(invitation.expires_at),
    )


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/v1/workspaces/{slug}/invitations",
        identifier="invite_person",
        summary="Invite a person by e-mail address; the mail has a link that accepts",
        access="write",
        handler=invite,
        body=InvitationBody,
        headers=CHANGE_HEADERS,
        answers={
            200: Answer("The same invitation is open already.", {JSON: InvitedShape}, ("ETag",)),
            201: Answer("The person is invited.", {JSON: InvitedShape}, ("ETag", "Idempotent-Replayed")),
        },
        refusals=CHANGE_REFUSALS,
    ),
    Operation(
        method="GET",
        path="/api/v1/workspaces/{slug}/invitations",
        identifier="list_invitations",
        summary="The open invitations, or those that ended unaccepted; oldest first",
        access="read",
        handler=list_some,
        query=InvitationsQuery,
        answers={200: Answer("One page.", {JSON: Page[InvitationShape]})},
        refusals=("workspace_unknown",),
    ),
    Operation(
        method="POST",
        path="/api/v1/workspaces/{slug}/invitations/{invitation}/resend",
        identifier="resend_invitation",
        summary="Send an open or expired invitation again: a new one with a new link replaces it",
        access="write",
        handler=resend,
        body=Explanation,
        headers=CHANGE_HEADERS,
        answers={201: Answer("The new invitation.", {JSON: InvitedShape}, ("ETag", "Idempotent-Replayed"))},
        refusals=(*CHANGE_REFUSALS, "invitation_unknown", "rate_limited"),
    ),
    Operation(
        method="POST",
        path="/api/v1/workspaces/{slug}/invitations/{invitation}/revoke",
        identifier="revoke_invitation",
        summary="Revoke an open invitation",
        access="write",
        handler=revoke,
        body=Explanation,
        headers=CHANGE_HEADERS,
        answers={201: Answer("The invitation is revoked.", {JSON: InvitedShape}, ("ETag", "Idempotent-Replayed"))},
        refusals=(*CHANGE_REFUSALS, "invitation_unknown"),
    ),
)
