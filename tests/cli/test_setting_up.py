"""A workspace's whole set-up by the command line alone, as support does it while the customer writes in."""

from support.command_line import CommandLine
from support.management import Management
from support.provider import FakeProvider

from projections.projector import Projector
from projections.timeline import Timeline

SECRET = "planted-s3cret/+:%"


async def test_a_workspace_is_set_up_by_command_line_alone(command: CommandLine) -> None:
    """Register, allow a domain, switch just-in-time creation off, set credentials, enable, invite, look back."""
    said = await command.done(
        "workspace", "register", "acme", "--name", "Acme", "--plan", "one", "--owner", "ada@acme.example"
    )
    assert "WorkspaceRegistered" in said.out
    assert "keyledger domain add acme" in said.err
    added = await command.done(
        "domain", "add", "acme", "ACME.example", "--reason", "Ada asked by mail", "--ticket", "T-1"
    )
    assert "domain=acme.example" in added.out
    generic = await command.refused("domain", "add", "acme", "gmail.com")
    assert "[domain_generic]" in generic
    await command.done("jit", "off", "acme", "--requested-by", "ada@acme.example")
    missing = await command("workspace", "readiness", "acme", "--for", "sso")
    assert (missing.code, "SSO: not ready" in missing.out) == (1, True)
    async with FakeProvider(client_secret=SECRET) as provider:
        place = ("--issuer", provider.issuer, "--client-id", "0oa17n5acme")
        credentials = await command.done("credentials", "set", "acme", *place, stdin=SECRET + "\n")
    assert SECRET not in credentials.out + credentials.err
    ready = await command.done("workspace", "readiness", "acme", "--for", "sso")
    assert "SSO: ready" in ready.out
    await command.done("sso", "enable", "acme")
    not_proven = await command.refused("enforce", "on", "acme")
    assert "[not_proven]" in not_proven
    invited = await command.done("invite", "acme", "grace@acme.example", "--role", "editor")
    assert "grace@acme.example is invited to acme as editor" in invited.out
    preview = await command("enforce", "on", "acme", "--preview")
    assert (preview.code, preview.out.splitlines()[0]) == (1, "Enforcement: not ready")
    assert "Open invitations: ada@acme.example, grace@acme.example" in preview.out
    told = (await command("enforce", "on", "acme", "--preview", "--json")).json
    assert [one["item"] for one in told["enforcement"]["missing"]] == ["proof", "owner"]
    assert "Open invitations: ada@acme.example" in await command.refused("enforce", "on", "acme")
    history = await command.done("history", "acme", "--json")
    assert [event["type"] for event in history.json["items"]] == [
        "WorkspaceRegistered",
        "MemberInvited",
        "DomainAdded",
        "JitDisabled",
        "CredentialsSet",
        "SsoEnabled",
        "MemberInvited",
    ]
    then = await command.refused("show", "acme", "--at", "yesterday")
    assert "did not exist yet" in then
    shown = await command.done("show", "acme", "--version", "3")
    assert "acme.example" in shown.out
    assert "off" in shown.out
    difference = await command.done("diff", "acme", "1", "now")
    assert "/sso/enabled" in difference.out


async def test_people_read_a_table_and_programs_read_json(command: CommandLine, api: Management) -> None:
    """The same answer, aligned for people with who and why, whole for programs."""
    await api.register()
    await command.done(
        "domain", "add", "acme", "acme.example", "--reason", "by mail", "--requested-by", "ada@acme.example"
    )
    table = (await command.done("history", "acme")).out.splitlines()
    assert table[0].split() == ["VERSION", "WHEN", "WHO", "WHAT", "WHY"]
    assert "token ada-support for ada@acme.example" in table[2]
    assert table[2].rstrip().endswith("by mail")
    assert table[0].index("WHAT") == table[2].index("Allowed the domain acme.example.")
    assert (await command.done("show", "acme", "--json")).json == await api.get("/workspaces/acme")
    listed = (await command.done("workspace", "list", "--json")).json
    assert [one["slug"] for one in listed["items"]] == ["acme"]


async def test_without_a_workspace_the_history_is_that_of_all_of_them(command: CommandLine, api: Management) -> None:
    """The audit timeline: what happened lately anywhere, oldest first, with the workspace beside it."""
    await api.register()
    await api.register("globex")
    await Projector(api.store, Timeline()).catch_up()
    told = (await command.done("history", "--last", "2")).out.splitlines()
    assert told[0].split()[0] == "WORKSPACE"
    assert [line.split()[0] for line in told[1:]] == ["acme", "globex"]
    assert "Registered the workspace Globex on the plan one." in told[2]
    listed = await api.get("/timeline?workspace=acme&limit=1")
    assert [one["type"] for one in listed["items"]] == ["WorkspaceRegistered"]
    rest = await api.get(f"/timeline?workspace=acme&limit=1&cursor={listed['next']}")
    assert rest == {"items": [], "next": None, "parked": []}


async def test_the_export_is_the_history_a_line_for_each_event(command: CommandLine, api: Management) -> None:
    """NDJSON on standard output, or in a file."""
    await api.register()
    await api.record("acme", "JitDisabled")
    lines = (await command.done("export", "acme", "--format", "ndjson")).out.splitlines()
    assert len(lines) == 2
    assert '"WorkspaceRegistered"' in lines[0]


async def test_a_change_that_changes_nothing_says_so(command: CommandLine, api: Management) -> None:
    """Exit code 0, and a sentence that there is nothing to change."""
    await api.register()
    said = await command.done("jit", "on", "acme")
    assert "Nothing to change" in said.out


async def test_signing_out_at_the_provider_is_switched_on_and_off(command: CommandLine, api: Management) -> None:
    """And the addresses that the provider has to know are shown."""
    await api.register()
    on = await command.done("provider-logout", "on", "acme", "--reason", "shared computers")
    assert "ProviderLogoutEnabled" in on.out
    assert "keyledger show acme" in on.err
    shown = (await command.done("show", "acme")).out
    for address in ("signed-out", "backchannel-logout", "frontchannel-logout"):
        assert f"/api/sso/{address}/acme" in shown
    assert (await api.get("/workspaces/acme"))["provider_logout"] == {"enabled": True}
    await command.done("provider-logout", "off", "acme")
    assert (await api.get("/workspaces/acme"))["provider_logout"] == {"enabled": False}
    said = (await command.done("history", "acme")).out
    assert "Switched on that signing out ends the session at the provider too." in said


async def test_a_stale_version_is_refused(command: CommandLine, api: Management) -> None:
    """--if-version makes the change conditional."""
    await api.register()
    assert "[version_conflict]" in await command.refused("jit", "off", "acme", "--if-version", "7")
    await command.done("jit", "off", "acme", "--if-version", "1")


async def test_members_and_invitations_are_managed(command: CommandLine, api: Management) -> None:
    """Invitations are listed and revoked by address; a member who is none is a refusal."""
    await api.register()
    await command.done("invite", "acme", "grace@acme.example", "--role", "admin")
    assert "grace@acme.example" in (await command.done("invitation", "list", "acme")).out
    await command.done("invitation", "revoke", "acme", "Grace@acme.example", "--reason", "typo")
    assert "[invitation_unknown]" in await command.refused("invitation", "revoke", "acme", "grace@acme.example")
    assert "[member_unknown]" in await command.refused("member", "role", "acme", "grace@acme.example", "viewer")
    assert (await command.done("member", "list", "acme", "--json")).json["items"] == []
    assert "SINCE" not in (await command.done("sign-ins", "acme")).out


async def test_what_others_wrote_cannot_steer_the_terminal(command: CommandLine, api: Management) -> None:
    """Control characters in a reason are shown as a replacement character."""
    await api.register()
    body = {"type": "JitDisabled", "reason": "fine\x1b[2Jgone"}
    await api.post("/workspaces/acme/events", body)
    out = (await command.done("history", "acme")).out
    assert "\x1b" not in out
    assert "fine�[2Jgone" in out


async def test_support_chooses_how_the_secret_is_presented(command: CommandLine, api: Management) -> None:
    await api.register()
    async with FakeProvider(client_secret=SECRET) as provider:
        place = ("--issuer", provider.issuer, "--client-id", "0oa17n5acme", "--auth-method", "client_secret_post")
        await command.done("credentials", "set", "acme", *place, stdin=SECRET)
        await command.done("credentials", "stage", "acme", *place, stdin=SECRET)
    shown = await api.get("/workspaces/acme")
    assert [shown[name]["auth_method"] for name in ("credentials", "staged")] == ["client_secret_post"] * 2
