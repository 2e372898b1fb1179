"""Commands about people: invite them, list members, change what they may do."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from service.cli.certain import Yes, make_certain
from service.cli.change import Why, explained
from service.cli.client import Refused, open_client, segment
from service.cli.options import Json, Slug
from service.cli.output import hint, say, say_json, say_table, when

member = typer.Typer(help="List members and change what they may do.", no_args_is_help=True)
invitation = typer.Typer(help="List and revoke open invitations.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The person's e-mail address.", show_default=False)]


class Role(StrEnum):
    """What a member may do in the workspace."""

    owner = "owner"
    admin = "admin"
    editor = "editor"
    viewer = "viewer"


class Standing(StrEnum):
    """How an invitation stands."""

    open = "open"
    expired = "expired"
    revoked = "revoked"


@explained
def invite(
    slug: Slug,
    email: Email,
    *,
    role: Annotated[Role, typer.Option(help="The role that the person gets.")] = Role.editor,
    website: Annotated[
        list[str] | None,
        typer.Option(
            help="A website that the person may use; may be given several times. Default: all.", show_default=False
        ),
    ] = None,
    why: Why,
    as_json: Json = False,
) -> None:
    """Invite a person by mail. Its link, or their first sign-in with this address, accepts the invitation."""
    body = {"email": email, "role": role.value, "websites": website or "all", **why.members()}
    answer = open_client().send("POST", f"/workspaces/{segment(slug)}/invitations", body)
    if as_json:
        say_json(answer)
        return
    if not answer["events"]:
        say(f"{email} is invited as {role.value} already; nothing was recorded.")
        hint(f"Next: keyledger invitation resend {slug} {email}")
    else:
        say(f"{email} is invited to {slug} as {role.value}, until {when(answer['invitation']['expires_at'])}.")


@invitation.command("list", epilog="Example: keyledger invitation list acme --status expired")
def list_invitations(
    slug: Slug,
    *,
    status: Annotated[
        Standing, typer.Option(help="Those that expired or were revoked keep just-in-time creation from their address.")
    ] = Standing.open,
    as_json: Json = False,
) -> None:
    """List the open invitations, or those that ended unaccepted."""
    found = open_client().items(f"/workspaces/{segment(slug)}/invitations", status=status.value)
    if as_json:
        say_json({"items": found, "next": None})
        return
    rows = [[one["email"], one["role"], when(one["created_at"]), when(one["expires_at"])] for one in found]
    say_table(["email", "role", "since", "until"], rows)


@invitation.command("revoke", epilog="Example: keyledger invitation revoke acme ada@acme.example")
@explained
def revoke_invitation(slug: Slug, email: Email, *, why: Why, as_json: Json = False) -> None:
    """Revoke an open invitation. Just-in-time creation does not let this address in afterwards."""
    found = _invitation_of(slug, email, "open")
    path = f"/workspaces/{segment(slug)}/invitations/{segment(found['id'])}/revoke"
    answer = open_client().send("POST", path, why.members(), why.if_version)
    if as_json:
        say_json(answer)
    else:
        say(f"The invitation of {email} is revoked.")


@invitation.command("resend", epilog="Example: keyledger invitation resend acme ada@acme.example")
@explained
def resend_invitation(slug: Slug, email: Email, *, why: Why, as_json: Json = False) -> None:
    """Send an open or expired invitation again: the mail has a new link, the former one stops working."""
    found = _invitation_of(slug, email, "open", "expired")
    path = f"/workspaces/{segment(slug)}/invitations/{segment(found['id'])}/resend"
    answer = open_client().send("POST", path, why.members(), why.if_version)
    if as_json:
        say_json(answer)
    else:
        say(f"{email} is invited again, until {when(answer['invitation']['expires_at'])}.")


def _invitation_of(slug: str, email: str, *standings: str) -> dict[str, Any]:
    client = open_client()
    for status in standings:
        for one in client.items(f"/workspaces/{segment(slug)}/invitations", status=status):
            if one["email"].casefold() == email.casefold():
                return one
    raise Refused(f"There is no open invitation for {email}.", "invitation_unknown")


@member.command("list", epilog="Example: keyledger member list acme")
def list_members(slug: Slug, *, as_json: Json = False) -> None:
    """List the members."""
    found = open_client().items(f"/workspaces/{segment(slug)}/members")
    if as_json:
        say_json({"items": found, "next": None})
        return
    rows = [[one["email"], one["name"], one["role"], one["status"], one["websites"]] for one in found]
    say_table(["email", "name", "role", "status", "websites"], rows)
    if not found:
        hint(f"Next: keyledger invite {slug} ada@acme.example --role owner")


@member.command("role", epilog="Example: keyledger member role acme ada@acme.example admin")
@explained
def change_role(
    slug: Slug,
    email: Email,
    role: Annotated[Role, typer.Argument(help="The new role.", show_default=False)],
    *,
    why: Why,
    as_json: Json = False,
) -> None:
    """Change a member's role."""
    _change(slug, email, {"role": role.value}, why, as_json=as_json)


@member.command("deactivate", epilog='Example: keyledger member deactivate acme ada@acme.example --reason "left"')
@explained
def deactivate(slug: Slug, email: Email, *, why: Why, as_json: Json = False) -> None:
    """Keep a member out. Their sessions end; no sign-in brings them back."""
    _change(slug, email, {"status": "deactivated"}, why, as_json=as_json)


@member.command("reactivate", epilog="Example: keyledger member reactivate acme ada@acme.example")
@explained
def reactivate(slug: Slug, email: Email, *, why: Why, as_json: Json = False) -> None:
    """Let a deactivated member in again."""
    _change(slug, email, {"status": "active"}, why, as_json=as_json)


@member.command("websites", epilog="Example: keyledger member websites acme ada@acme.example --website shop")
@explained
def change_websites(
    slug: Slug,
    email: Email,
    *,
    website: Annotated[
        list[str] | None,
        typer.Option(help="A website; may be given several times. Without any: all.", show_default=False),
    ] = None,
    why: Why,
    as_json: Json = False,
) -> None:
    """Change which websites a member may use."""
    _change(slug, email, {"websites": website or "all"}, why, as_json=as_json)


@member.command("erase", epilog='Example: keyledger member erase acme ada@acme.example --reason "asked for it"')
@member.command("remove", epilog='Example: keyledger member remove acme ada@acme.example --reason "left the company"')
@explained
def erase(slug: Slug, email: Email, *, why: Why, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a member and delete what is known of the person. Cannot be undone; the history still verifies.

    Only an invitation brings the address back. The reason is kept for good: name nobody in it.
    """
    make_certain(f"This removes {email} from {slug} and deletes what is known of the person.", yes=yes)
    path = f"/workspaces/{segment(slug)}/members/{segment(email)}"
    answer = open_client().send("DELETE", path, why.members(), why.if_version)
    if as_json:
        say_json(answer)
    else:
        say(f"{email} is no member of {slug} any more, and what was known of them is deleted.")


@member.command(
    "relink", epilog='Example: keyledger member relink acme ada@acme.example --request req_1 --reason "new id"'
)
@explained
def relink(
    slug: Slug,
    email: Email,
    *,
    request: Annotated[
        str, typer.Option(help="The request id on the page that refused the person.", show_default=False)
    ],
    why: Why,
    as_json: Json = False,
) -> None:
    """Link a member to the account that was refused as identity_conflict, in place of the one that is linked.

    Find out first that it is the same person: an address that was given to somebody else is a case for `member remove`
    and a new invitation. An owner or admin is mailed a link to confirm it. A reason is needed.
    """
    path = f"/workspaces/{segment(slug)}/members/{segment(email)}/relink"
    answer = open_client().send("POST", path, {"request_id": request, **why.members()}, why.if_version)
    if as_json:
        say_json(answer)
        return
    said = {
        "linked": f"{email} signs in by that account now.",
        "mailed": f"{email} was mailed a link to confirm that account. Nothing has changed yet.",
        "unchanged": f"{email} signs in by that account already; nothing was recorded.",
    }
    say(said[answer["outcome"]])


def _change(slug: str, email: str, change: dict[str, Any], why: Why, *, as_json: bool) -> None:
    path = f"/workspaces/{segment(slug)}/members/{segment(email)}"
    answer = open_client().send("PATCH", path, {**change, **why.members()}, why.if_version)
    if as_json:
        say_json(answer)
        return
    now = answer["member"]
    done = "is now" if answer["events"] else "is already"
    say(f"{now['email']} {done} {now['role']}, {now['status']}.")
