"""Commands about workspaces as such: register, list, look at, and what is missing before SSO."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from service.cli.certain import Yes, is_asked, make_certain
from service.cli.change import Why, explained, record, tell
from service.cli.client import open_client, segment
from service.cli.options import At, Json, Slug, Version, moment
from service.cli.output import hint, say, say_json, say_pairs, say_table, when
from service.cli.preflight import read_readiness, say_affected, say_gate

workspace = typer.Typer(help="Register workspaces and look at them.", no_args_is_help=True)


class Gate(StrEnum):
    """What a workspace is to be ready for."""

    sso = "sso"
    enforcement = "enforcement"


@workspace.command(
    "register", epilog="Example: keyledger workspace register acme --name Acme --plan one --owner ada@acme.example"
)
@explained
def register(
    slug: Slug,
    *,
    name: Annotated[str, typer.Option(help="The name that people see.", show_default=False)],
    plan: Annotated[str, typer.Option(help="The plan, such as one.", show_default=False)],
    owner: Annotated[
        str | None, typer.Option(help="The e-mail address of the first owner, who is invited.", show_default=False)
    ] = None,
    website: Annotated[
        list[str] | None,
        typer.Option(help="A website of the workspace; may be given several times.", show_default=False),
    ] = None,
    why: Why,
    as_json: Json = False,
) -> None:
    """Register a workspace. The slug is part of its addresses and is never used again."""
    body: dict[str, object] = {"slug": slug, "name": name, "plan": plan, **why.members()}
    if owner is not None:
        body["owner_email"] = owner
    if website:
        body["websites"] = website
    answer = open_client().send("POST", "/workspaces", body)
    tell(
        slug,
        answer,
        as_json=as_json,
        then=f"keyledger domain add {slug} acme.example; keyledger show {slug} has the two URIs for Okta",
    )


@workspace.command("plan", epilog="Example: keyledger workspace plan acme one")
@explained
def change_plan(
    slug: Slug,
    plan: Annotated[str, typer.Argument(help="The new plan.", show_default=False)],
    *,
    why: Why,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Change the plan. Leaving the plans with SSO lifts enforcement and switches SSO off, as events."""
    if is_asked(yes=yes):
        standing = open_client().get(f"/workspaces/{segment(slug)}")
        if standing["sso"]["enabled"] and standing["plan"] != plan:
            make_certain(
                f"{slug} signs in by SSO, on the plan {standing['plan']}. Unless the plan {plan} has SSO too, this"
                " switches it off at once and no longer requires it.",
                yes=yes,
                lasting=False,
            )
    record(slug, "WorkspacePlanChanged", {"plan": plan}, why, as_json=as_json)


@workspace.command("close", epilog='Example: keyledger workspace close acme --reason "contract ended"')
@explained
def close(slug: Slug, *, why: Why, yes: Yes = False, as_json: Json = False) -> None:
    """Close a workspace for good: nobody signs in, and it takes no more changes. The history stays."""
    make_certain(f"This closes the workspace {slug} for good.", yes=yes)
    then = f"an operator destroys its client secrets by: keyledger secrets shred {slug}"
    record(slug, "WorkspaceClosed", {}, why, as_json=as_json, then=then)


@workspace.command("list", epilog="Example: keyledger workspace list --at yesterday")
def list_workspaces(*, at: At = None, as_json: Json = False) -> None:
    """List all workspaces, by slug, as they are or as they were at any moment."""
    found = open_client().items("/workspaces", at=None if at is None else moment(at))
    if as_json:
        say_json({"items": found, "next": None})
        return
    rows = [
        [one["slug"], one["name"], one["plan"], one["version"], _sso(one), one["enforcement"]["enabled"]]
        for one in found
    ]
    say_table(["slug", "name", "plan", "version", "sso", "enforced"], rows)
    for one in found:
        if one["parked"]:
            hint(
                f"{one['slug']} is parked, and shown as it was before position {one['parked']['position']}: "
                f"this version of Keyledger cannot read {one['parked']['type']} there."
            )


@workspace.command("readiness", epilog="Example: keyledger workspace readiness acme --for enforcement")
def readiness(
    slug: Slug,
    *,
    gate: Annotated[
        Gate | None,
        typer.Option("--for", help="Exit with 1 unless the workspace is ready for this.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what is missing before SSO can be enabled, and before it can be required."""
    answer = read_readiness(slug)
    if as_json:
        say_json(answer)
    else:
        say_gate("SSO", answer["sso"])
        say()
        say_gate("Enforcement", answer["enforcement"])
        say_affected(answer["affected"])
    if gate is not None and not answer[gate.value]["ready"]:
        raise typer.Exit(1)


@workspace.command("show", epilog="Example: keyledger workspace show acme --at yesterday")
def show(slug: Slug, *, at: At = None, version: Version = None, as_json: Json = False) -> None:
    """Show a workspace's configuration, now or as of any moment."""
    if at is not None and version is not None:
        message = "give either --at or --version"
        raise typer.BadParameter(message)
    then = None if at is None else moment(at)
    answer = open_client().get(f"/workspaces/{segment(slug)}", at=then, version=version)
    if as_json:
        say_json(answer)
        return
    _say_workspace(answer)
    if at is None and version is None:
        hint(f"Next: keyledger workspace readiness {slug}, keyledger history {slug}")


def _say_workspace(answer: Mapping[str, Any]) -> None:
    enforcement = answer["enforcement"]
    domains = [
        one["domain"] + (f" (verified by {one['verified']})" if one["verified"] else "") for one in answer["domains"]
    ]
    say_pairs(
        {
            "slug": answer["slug"],
            "name": answer["name"],
            "plan": answer["plan"],
            "version": answer["version"],
            "initiate URI": answer["initiate_uri"],
            "redirect URI": answer["redirect_uri"],
            "sign-out redirect URI": answer["sign_out_redirect_uri"],
            "back-channel logout URI": answer["backchannel_logout_uri"],
            "front-channel logout URI": answer["frontchannel_logout_uri"],
            "domains": domains,
            "just-in-time": f"as {answer['jit']['role']}" if answer["jit"]["enabled"] else "off",
            "credentials": _credentials(answer["credentials"]),
            "staged": _credentials(answer["staged"]),
            "SSO": _sso(answer),
            "logout at provider": "on" if answer["provider_logout"]["enabled"] else "off",
            "enforcement": _enforcement(enforcement),
            "bypasses": [
                f"{one['email'] or one['member_id']} until {when(one['expires_at'])}: {one['reason']}"
                for one in answer["bypasses"]
            ],
        }
    )


def _sso(answer: Mapping[str, Any]) -> str:
    return "on" if answer["sso"]["enabled"] else "off"


def _enforcement(enforcement: Mapping[str, Any]) -> str:
    if not enforcement["enabled"]:
        return "off"
    if enforcement["confirmed"]:
        return "on"
    return f"on, lifted unless confirmed by {when(enforcement['confirm_by'])}" if enforcement["confirm_by"] else "on"


def _credentials(credentials: Mapping[str, Any] | None) -> str | None:
    if credentials is None:
        return None
    proven = "proven" if credentials["proven"] else "not proven by a sign-in yet"
    secret = credentials["client_secret"]["fingerprint"]
    return f"{credentials['issuer']}, client {credentials['client_id']}, secret {secret}, {proven}"
