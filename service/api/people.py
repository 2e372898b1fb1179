"""Invitations and members: list, invite, revoke, change."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field, StringConstraints, model_validator

from events.catalogue.instants import write_instant
from service.api import cursor
from service.api.answers import answer_json, found_workspace
from service.api.changes import CHANGE_HEADERS, CHANGE_REFUSALS, answer_change, asker, show_outcome, terms
from service.api.operation import JSON, Answer, Call, Operation
from service.api.parameters import PageQuery, read_moment
from service.api.people_shapes import InvitationShape, InvitedShape, MemberChangedShape, MemberShape
from service.api.presentation import instant
from service.api.shapes import Page
from service.commands.people import MemberChange
from service.commands.proposals import Explanation
from service.commands.terms import Outcome
from service.errors import invalid
from service.identity.invitations import Invitation, list_invitations
from service.identity.members import Member, list_members
from service.keys import CLOCK, COMMANDS, POOL

Website = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Websites = Literal["all"] | Annotated[list[Website], Field(max_length=500)]
Role = Literal["owner", "admin", "editor", "viewer"]


class InvitationBody(Explanation):
    """Whom to invite, and what they may do. ``websites``: all of them, or the ids of some."""

    email: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]
    role: Role = "editor"
    websites: Websites = "all"


class MemberBody(Explanation):
    """What to change about a member; what is left out stays."""

    role: Role | None = None
    websites: Websites | None = None
    status: Literal["active", "deactivated"] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.role is None and self.websites is None and self.status is None:
            message = "say what to change: role, websites or status"
            raise ValueError(message)
        return self


async def invite(call: Call) -> web.StreamResponse:
    """Invite somebody; the same invitation again changes nothing."""
    body = call.body_as(InvitationBody)
    people = call.request.app[COMMANDS].people
    outcome = await people.invite(
        call.path("slug"), body.email, body.role, body.websites, body, asker(call), terms(call)
    )
    return _invited(outcome)


async def revoke(call: Call) -> web.StreamResponse:
    """Revoke an open invitation."""
    people = call.request.app[COMMANDS].people
    outcome = await people.revoke(
        call.path("slug"), call.path("invitation"), call.body_as(Explanation), asker(call), terms(call)
    )
    return _invited(outcome)


async def change(call: Call) -> web.StreamResponse:
    """Change a member's role, websites or status."""
    body = call.body_as(MemberBody)
    people = call.request.app[COMMANDS].people
    wished = MemberChange(body.role, body.websites, body.status)
    outcome = await people.change(call.path("slug"), call.path("member"), wished, body, asker(call), terms(call))
    shape = MemberChangedShape(**dict(show_outcome(outcome)), member=MemberShape(**outcome.extra["member"]))
    return answer_change(outcome, shape)


async def list_open_invitations(call: Call) -> web.StreamResponse:
    """Answer one page of the open invitations, oldest first."""
    app, slug, query = call.request.app, (await found_workspace(call)).slug, call.query_as(PageQuery)
    scope = f"invitations/{slug}"
    found = await list_invitations(app[POOL], slug, app[CLOCK](), query.limit + 1, _place(scope, query.cursor))
    items = found[: query.limit]
    following = None
    if len(found) > query.limit:
        following = cursor.encode(scope, write_instant(items[-1].created_at), str(items[-1].invitation_id))
    return answer_json(Page[InvitationShape](items=[show_invitation(one) for one in items], next=following))


async def list_all_members(call: Call) -> web.StreamResponse:
    """Answer one page of the members, oldest first."""
    app, slug, query = call.request.app, (await found_workspace(call)).slug, call.query_as(PageQuery)
    scope = f"members/{slug}"
    found = await list_members(app[POOL], slug, query.limit + 1, _place(scope, query.cursor))
    items = found[: query.limit]
    following = None
    if len(found) > query.limit:
        following = cursor.encode(scope, write_instant(items[-1].joined_at), str(items[-1].member_id))
    return answer_json(Page[MemberShape](items=[show_member(one) for one in items], next=following))


def _place(scope: str, text: str | None) -> Any:
    if text is None:
        return None
    at, identifier = cursor.decode(scope, text, (str, str))
    try:
        return read_moment(str(at)), UUID(str(identifier))
    except ValueError:
        raise invalid("This cursor is not from this list. Start again without one.", "/cursor", "query") from None


def _invited(outcome: Outcome) -> web.Response:
    shape = InvitedShape(**dict(show_outcome(outcome)), invitation=InvitationShape(**outcome.extra["invitation"]))
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


def show_member(member: Member) -> MemberShape:
    """Return a member as they are shown."""
    return MemberShape(
        id=str(member.member_id),
        email=member.email,
        name=member.name,
        role=member.role,
        websites=member.websites,
        status=member.status,
        joined_at=write_instant(member.joined_at),
        last_sso_at=instant(member.last_sso_at),
    )


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/v1/workspaces/{slug}/invitations",
        identifier="invite_person",
        summary="Invite a person by e-mail address",
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
        summary="The open invitations, oldest first",
        access="read",
        handler=list_open_invitations,
        query=PageQuery,
        answers={200: Answer("One page.", {JSON: Page[InvitationShape]})},
        refusals=("workspace_unknown",),
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
    Operation(
        method="GET",
        path="/api/v1/workspaces/{slug}/members",
        identifier="list_members",
        summary="The members, oldest first",
        access="read",
        handler=list_all_members,
        query=PageQuery,
        answers={200: Answer("One page.", {JSON: Page[MemberShape]})},
        refusals=("workspace_unknown",),
    ),
    Operation(
        method="PATCH",
        path="/api/v1/workspaces/{slug}/members/{member}",
        identifier="change_member",
        summary="Change a member's role, websites or status; the member is named by id or e-mail address",
        access="write",
        handler=change,
        body=MemberBody,
        headers=CHANGE_HEADERS,
        answers={
            200: Answer("Nothing changed, and nothing was recorded.", {JSON: MemberChangedShape}, ("ETag",)),
            201: Answer("What was recorded.", {JSON: MemberChangedShape}, ("ETag", "Idempotent-Replayed")),
        },
        refusals=(*CHANGE_REFUSALS, "member_unknown", "would_lock_out"),
    ),
)
