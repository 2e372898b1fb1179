"""Members: list them, change what they may do, remove them, link them to another account."""

from typing import Annotated, Literal, Self

from aiohttp import web
from pydantic import Field, StringConstraints, model_validator

from events.catalogue.instants import write_instant
from service.api import cursor
from service.api.answers import answer_json, named_workspace
from service.api.changes import CHANGE_HEADERS, CHANGE_REFUSALS, answer_change, asker, show_outcome, terms
from service.api.operation import JSON, Answer, Call, Operation
from service.api.parameters import PageQuery
from service.api.people_bodies import Role, Websites, read_place
from service.api.people_shapes import MemberChangedShape, MemberShape, RelinkedShape
from service.api.presentation import instant
from service.api.shapes import Page, RecordedShape
from service.commands.people import MemberChange
from service.commands.proposals import Explanation, Reason
from service.identity.members import Member, list_members
from service.keys import COMMANDS, POOL


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


class RelinkBody(Explanation):
    """The refused sign-in whose account is the member's, and how that was found out."""

    request_id: Annotated[
        str,
        StringConstraints(pattern=r"^[\x21-\x7e]{1,100}$"),
        Field(description="The request id on the page that refused the person, also in the sign-in log."),
    ]
    reason: Annotated[Reason, Field(description="How it was found out; kept for ever, in clear. Name nobody in it.")]


async def change(call: Call) -> web.StreamResponse:
    """Change a member's role, websites or status."""
    body = call.body_as(MemberBody)
    people = call.request.app[COMMANDS].people
    wished = MemberChange(body.role, body.websites, body.status)
    outcome = await people.change(call.path("slug"), call.path("member"), wished, body, asker(call), terms(call))
    shape = MemberChangedShape(**dict(await show_outcome(call, outcome)), member=MemberShape(**outcome.extra["member"]))
    return answer_change(outcome, shape)


async def erase(call: Call) -> web.StreamResponse:
    """Remove a member and delete what is known of the person."""
    people = call.request.app[COMMANDS].people
    outcome = await people.erase(
        call.path("slug"), call.path("member"), call.body_as(Explanation), asker(call), terms(call)
    )
    return answer_change(outcome, await show_outcome(call, outcome))


async def relink(call: Call) -> web.StreamResponse:
    """Link a member to the account of a refused sign-in, in place of the one that is linked."""
    body = call.body_as(RelinkBody)
    people = call.request.app[COMMANDS].people
    outcome = await people.relink(
        call.path("slug"), call.path("member"), body.request_id, body, asker(call), terms(call)
    )
    shape = RelinkedShape(
        **dict(await show_outcome(call, outcome)),
        member=MemberShape(**outcome.extra["member"]),
        outcome=outcome.extra["outcome"],
    )
    return answer_change(outcome, shape)


async def list_all_members(call: Call) -> web.StreamResponse:
    """Answer one page of the members, oldest first."""
    app, slug, query = call.request.app, await named_workspace(call), call.query_as(PageQuery)
    scope = f"members/{slug}"
    found = await list_members(app[POOL], slug, query.limit + 1, read_place(scope, query.cursor))
    items, following = cursor.cut(
        found, query.limit, scope, lambda one: (write_instant(one.joined_at), str(one.member_id))
    )
    return answer_json(Page[MemberShape](items=[show_member(one) for one in items], next=following))


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
    Operation(
        method="DELETE",
        path="/api/v1/workspaces/{slug}/members/{member}",
        identifier="erase_member",
        summary="Remove a member and delete what is known of the person; the reason stays, so name nobody in it",
        access="write",
        handler=erase,
        body=Explanation,
        headers=CHANGE_HEADERS,
        answers={201: Answer("The person is erased.", {JSON: RecordedShape}, ("ETag", "Idempotent-Replayed"))},
        refusals=(*CHANGE_REFUSALS, "member_unknown", "would_lock_out"),
    ),
    Operation(
        method="POST",
        path="/api/v1/workspaces/{slug}/members/{member}/relink",
        identifier="relink_member",
        summary="Link a member to the account of a sign-in that was refused as identity_conflict",
        access="write",
        handler=relink,
        body=RelinkBody,
        headers=CHANGE_HEADERS,
        answers={
            200: Answer(
                "Linked already, or mailed for an owner or admin to confirm.", {JSON: RelinkedShape}, ("ETag",)
            ),
            201: Answer("The member is linked.", {JSON: RelinkedShape}, ("ETag", "Idempotent-Replayed")),
        },
        refusals=(*CHANGE_REFUSALS, "member_unknown", "not_ready", "rate_limited"),
    ),
)
