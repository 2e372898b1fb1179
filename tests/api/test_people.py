"""People are invited, listed and changed under the same terms as the configuration."""

import json
from uuid import uuid4

import pytest
from support.management import Management


@pytest.fixture
async def acme(api: Management) -> Management:
    """A registered workspace with two websites."""
    await api.register(websites=["shop", "blog"])
    return api


async def add_member(api: Management, email: str, role: str = "editor", slug: str = "acme") -> str:
    """Write a member straight into the tables, as a sign-in would have."""
    user_id, member_id = uuid4(), uuid4()
    await api.pool.execute("insert into identity.users (user_id) values ($1)", user_id)
    await api.pool.execute(
        "insert into identity.members"
        " (member_id, workspace, user_id, email, email_key, name, role, joined_at, joined_how)"
        " values ($1, $2, $3, $4::text, lower($4::text), 'Somebody', $5, now(), 'jit')",
        member_id,
        slug,
        user_id,
        email,
        role,
    )
    return str(member_id)


async def test_an_invitation_is_recorded_without_the_address(acme: Management) -> None:
    """201 with the open invitation; the event holds an opaque id, the mail waits in the outbox."""
    body = {"email": "Ada@acme.example", "role": "admin", "websites": ["shop"], "reason": "new hire"}
    answer = await acme.post("/workspaces/acme/invitations", body)
    assert answer["invitation"]["email"] == "Ada@acme.example"
    assert (answer["invitation"]["role"], answer["invitation"]["websites"]) == ("admin", ["shop"])
    (event,) = answer["events"]
    assert (event["type"], event["reason"]) == ("MemberInvited", "new hire")
    assert "acme.example" not in str(event["data"]).lower()
    assert await acme.pool.fetchval("select count(*) from identity.outbox where kind = 'invitation'") == 1


async def test_the_same_invitation_again_changes_nothing(acme: Management) -> None:
    """200, no event, no second mail."""
    body = {"email": "ada@acme.example"}
    await acme.post("/workspaces/acme/invitations", body)
    again = await acme.post("/workspaces/acme/invitations", {"email": "ADA@acme.example"}, 200)
    assert again["events"] == []
    assert await acme.pool.fetchval("select count(*) from identity.outbox where kind = 'invitation'") == 1


async def test_a_repeated_invitation_request_gets_the_first_answer(acme: Management) -> None:
    """Under one key the invitation is shown as it was, also after it was revoked."""
    body = {"email": "ada@acme.example"}
    first = await acme.post("/workspaces/acme/invitations", body, Idempotency_Key="k-1")
    await acme.post(f"/workspaces/acme/invitations/{first['invitation']['id']}/revoke", {})
    assert await acme.post("/workspaces/acme/invitations", body, Idempotency_Key="k-1") == first


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ({"email": "nobody"}, "data_invalid", 422),
        ({"email": "ada@acme.example", "role": "root"}, "data_invalid", 422),
        ({"email": "ada@acme.example", "websites": ["other"]}, "data_invalid", 422),
        ({"email": "ada@acme.example", "rol": "admin"}, "data_invalid", 422),
        ({}, "data_invalid", 422),
    ],
)
async def test_a_bad_invitation_invites_nobody(acme: Management, body: object, code: str, status: int) -> None:
    """What cannot be an invitation is refused, and nothing is recorded."""
    assert (await acme.post("/workspaces/acme/invitations", body, status))["code"] == code
    assert (await acme.get("/workspaces/acme"))["version"] == 1


async def test_an_invitation_is_revoked_once(acme: Management) -> None:
    """201 and an event; after that it is invitation_unknown, like any other id."""
    made = await acme.post("/workspaces/acme/invitations", {"email": "ada@acme.example"})
    path = f"/workspaces/acme/invitations/{made['invitation']['id']}/revoke"
    answer = await acme.post(path, {"reason": "typo"})
    assert [event["type"] for event in answer["events"]] == ["InvitationRevoked"]
    assert answer["invitation"]["status"] == "revoked"
    assert (await acme.post(path, {}, 404))["code"] == "invitation_unknown"
    assert (await acme.post("/workspaces/acme/invitations/x/revoke", {}, 404))["code"] == "invitation_unknown"
    assert (await acme.get("/workspaces/acme/invitations"))["items"] == []


async def test_an_invitation_of_another_workspace_is_unknown(acme: Management) -> None:
    """An id opens nothing under another slug."""
    made = await acme.post("/workspaces/acme/invitations", {"email": "ada@acme.example"})
    await acme.register("globex")
    path = f"/workspaces/globex/invitations/{made['invitation']['id']}/revoke"
    assert (await acme.post(path, {}, 404))["code"] == "invitation_unknown"


async def test_invitations_are_listed_in_pages(acme: Management) -> None:
    """Oldest first; the cursor leads through all of them once."""
    for name in ("ada", "grace", "irene"):
        await acme.post("/workspaces/acme/invitations", {"email": f"{name}@acme.example"})
        acme.clock.turn(seconds=1)
    first = await acme.get("/workspaces/acme/invitations?limit=2")
    second = await acme.get(f"/workspaces/acme/invitations?limit=2&cursor={first['next']}")
    assert [one["email"].split("@")[0] for one in first["items"] + second["items"]] == ["ada", "grace", "irene"]


async def test_members_are_listed_as_the_contract_says(acme: Management) -> None:
    """A member is e-mail, name, role, websites, status, with the id and the last sign-in by SSO."""
    member_id = await add_member(acme, "Ada@acme.example", "admin")
    (member,) = (await acme.get("/workspaces/acme/members"))["items"]
    joined = member.pop("joined_at")
    assert joined.endswith("Z")
    assert member == {
        "id": member_id,
        "email": "Ada@acme.example",
        "name": "Somebody",
        "role": "admin",
        "websites": "all",
        "status": "active",
        "last_sso_at": None,
    }


async def test_a_members_role_is_changed_by_id_or_address(acme: Management) -> None:
    """201 with the member after the change, and MemberRoleChanged by opaque id; the same again changes nothing."""
    member_id = await add_member(acme, "ada@acme.example")
    answer = await acme.patch(f"/workspaces/acme/members/{member_id}", {"role": "admin", "reason": "promoted"})
    (event,) = answer["events"]
    assert (event["type"], event["data"]["member_id"], event["reason"]) == ("MemberRoleChanged", member_id, "promoted")
    assert answer["member"]["role"] == "admin"
    assert (await acme.patch("/workspaces/acme/members/ADA@acme.example", {"role": "admin"}, 200))["events"] == []


async def test_a_member_is_deactivated_and_reactivated(acme: Management) -> None:
    """Each is an event; the status follows."""
    await add_member(acme, "ada@acme.example")
    path = "/workspaces/acme/members/ada@acme.example"
    gone = await acme.patch(path, {"status": "deactivated", "reason": "left"})
    back = await acme.patch(path, {"status": "active", "role": "viewer"})
    assert ([event["type"] for event in gone["events"]], gone["member"]["status"]) == (
        ["MemberDeactivated"],
        "deactivated",
    )
    assert [event["type"] for event in back["events"]] == ["MemberReactivated", "MemberRoleChanged"]
    assert (back["member"]["status"], back["member"]["role"]) == ("active", "viewer")


async def test_a_change_to_a_member_heeds_the_version(acme: Management) -> None:
    """If-Match with another version answers 412, and the member stays."""
    await add_member(acme, "ada@acme.example")
    path = "/workspaces/acme/members/ada@acme.example"
    assert (await acme.patch(path, {"role": "admin"}, 412, If_Match='"7"'))["code"] == "version_conflict"
    assert (await acme.get("/workspaces/acme/members"))["items"][0]["role"] == "editor"


async def test_support_adds_no_owner_where_one_is(acme: Management) -> None:
    """With an owner there, only an owner makes another: forbidden."""
    await add_member(acme, "ada@acme.example", "owner")
    await add_member(acme, "grace@acme.example")
    path = "/workspaces/acme/members/grace@acme.example"
    assert (await acme.patch(path, {"role": "owner"}, 403))["code"] == "forbidden"
    invited = await acme.post("/workspaces/acme/invitations", {"email": "x@acme.example", "role": "owner"}, 403)
    assert invited["code"] == "forbidden"


@pytest.mark.parametrize("body", [{}, {"role": None}, {"status": "erased"}, {"role": "admin", "email": "x@y.example"}])
async def test_a_change_that_says_nothing_or_too_much_is_refused(acme: Management, body: object) -> None:
    """data_invalid, and the member stays."""
    await add_member(acme, "ada@acme.example")
    assert (await acme.patch("/workspaces/acme/members/ada@acme.example", body, 422))["code"] == "data_invalid"


async def test_an_unknown_member_is_404(acme: Management) -> None:
    """member_unknown, also for a member of another workspace."""
    await acme.register("globex")
    member_id = await add_member(acme, "ada@globex.example", slug="globex")
    for name in (member_id, "ada@globex.example", "nobody"):
        assert (await acme.patch(f"/workspaces/acme/members/{name}", {"role": "admin"}, 404))[
            "code"
        ] == "member_unknown"


async def test_a_bypass_tells_the_owners_and_shows_the_address(acme: Management) -> None:
    """The event names the member by id, the workspace shows the address, and each owner gets a mail."""
    await add_member(acme, "ada@acme.example", "owner")
    member_id = await add_member(acme, "grace@acme.example")
    body = {"type": "BypassGranted", "data": {"email": "Grace@acme.example", "hours": 24}, "reason": "new phone"}
    (event,) = (await acme.post("/workspaces/acme/events", body))["events"]
    assert (event["data"]["member_id"], event["data"]["reason"]) == (member_id, "new phone")
    (bypass,) = (await acme.get("/workspaces/acme"))["bypasses"]
    assert (bypass["email"], bypass["member_id"]) == ("grace@acme.example", member_id)
    told = await acme.pool.fetch("select recipient from identity.outbox where kind = 'owner_notice'")
    assert [row["recipient"] for row in told] == ["ada@acme.example"]


async def test_readiness_names_whom_enforcement_would_affect(acme: Management) -> None:
    """Members outside the allowed domains, members who never came by SSO, owners among them, open invitations."""
    await acme.record("acme", "DomainAdded", {"domain": "acme.example"})
    await add_member(acme, "ada@acme.example", "owner")
    await add_member(acme, "guest@elsewhere.example")
    await acme.post("/workspaces/acme/invitations", {"email": "irene@elsewhere.example"})
    affected = (await acme.get("/workspaces/acme/readiness"))["affected"]
    assert affected["outside_domains"] == ["guest@elsewhere.example"]
    assert sorted(affected["never_by_sso"]) == ["ada@acme.example", "guest@elsewhere.example"]
    assert affected["owners"] == ["ada@acme.example"]
    assert affected["invitations_outside_domains"] == affected["open_invitations"] == ["irene@elsewhere.example"]


async def test_sign_ins_are_listed_newest_first(acme: Management) -> None:
    """The log in pages, with reason, checks and request id."""
    for number in range(3):
        await acme.pool.execute(
            "insert into identity.sign_ins (at, workspace, method, reason, email, checks, request_id)"
            " values (now(), 'acme', 'sso', 'domain_not_allowed', 'x@elsewhere.example', $1, $2)",
            '{"domain": "refused"}',
            f"req-{number}",
        )
    first = await acme.get("/workspaces/acme/sign-ins?limit=2")
    second = await acme.get(f"/workspaces/acme/sign-ins?limit=2&cursor={first['next']}")
    found = first["items"] + second["items"]
    assert [one["request_id"] for one in found] == ["req-2", "req-1", "req-0"]
    assert found[0]["checks"] == {"domain": "refused"}
    assert found[0]["reason"] == "domain_not_allowed"


async def test_a_domain_taken_off_the_list_ends_its_peoples_sso_sessions(acme: Management) -> None:
    """The removal ends what SSO opened for addresses of that domain, and no other session."""
    await acme.record("acme", "DomainAdded", {"domain": "acme.example"})
    await acme.record("acme", "DomainAdded", {"domain": "acme.test.example"})
    for number, email in enumerate(("ada@acme.example", "grace@acme.test.example")):
        member_id = await add_member(acme, email)
        authentication = {"method": "sso", "workspace": "acme", "email": email}
        await acme.pool.execute(
            "insert into identity.sessions (session_hash, user_id, data, created_at, last_seen_at, absolute_expires_at)"
            " select $1, user_id, $2, now(), now(), now() + interval '1 day' from identity.members"
            " where member_id::text = $3",
            bytes([number]) * 32,
            json.dumps({"authentications": [authentication]}),
            member_id,
        )
    await acme.record("acme", "DomainRemoved", {"domain": "acme.example"})
    left = await acme.pool.fetch("select data from identity.sessions")
    assert ["grace@acme.test.example" in row["data"] for row in left] == [True]
