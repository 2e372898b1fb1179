"""Commands about people: invite them, list members, change what they may do."""

from enum import StrEnum
from typing import Annotated

import typer

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
    """Invite a person. Their first sign-in with this address consumes the invitation."""
    body = {"email": email, "role": role.value, "websites": website or "all", **why.members()}
    answer = open_client().send("POST", f"/workspaces/{segment(slug)}/invitations", body)
    if as_json:
        say_json(answer)
        return
    if not answer["events"]:
        say(f"{email} is invited as {role.value} already; nothing was recorded.")
    else:
        say(f"{email} is invited to {slug} as {role.value}, until {when(answer['invitation']['expires_at'])}.")


@invitation.command("list", epilog="Example: keyledger invitation list acme")
def list_invitations(slug: Slug, *, as_json: Json = False) -> None:
    """List the open invitations."""
    found = open_client().items(f"/workspaces/{segment(slug)}/invitations")
    if as_json:
        say_json({"items": found, "next": None})
        return
    rows = [[one["email"], one["role"], when(one["created_at"]), when(one["expires_at"])] for one in found]
    say_table(["email", "role", "since", "until"], rows)


@invitation.command("revoke", epilog="Example: keyledger invitation revoke acme ada@acme.example")
@explained
def revoke_invitation(slug: Slug, email: Email, *, why: Why, as_json: Json = False) -> None:
    """Revoke an open invitation. Just-in-time creation does not let this address in afterwards."""
    client = open_client()
    open_ones = client.items(f"/workspaces/{segment(slug)}/invitations")
    found = [one for one in open_ones if one["email"].casefold() == email.casefold()]
    if not found:
        raise Refused(f"There is no open invitation for {email}.", "invitation_unknown")
    path = f"/workspaces/{segment(slug)}/invitations/{segment(found[0]['id'])}/revoke"
    answer = client.send("POST", path, why.members())
    if as_json:
        say_json(answer)
    else:
        say(f"The invitation of {email} is revoked.")


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


def _change(slug: str, email: str, change: dict[str, str], why: Why, *, as_json: bool) -> None:
    path = f"/workspaces/{segment(slug)}/members/{segment(email)}"
    answer = open_client().send("PATCH", path, {**change, **why.members()}, why.if_version)
    if as_json:
        say_json(answer)
        return
    now = answer["member"]
    done = "is now" if answer["events"] else "is already"
    say(f"{now['email']} {done} {now['role']}, {now['status']}.")
