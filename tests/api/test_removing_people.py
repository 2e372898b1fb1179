"""Members are removed, invitations sent again, accounts linked anew by the API: what is answered, kept and refused."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from support.identity_values import ISSUER
from support.identity_world import World, credentials_data
from support.management import Management

from events.catalogue.access import EnforcementEnabled, SsoEnabled
from events.catalogue.configuration import DomainAdded
from events.catalogue.credentials import CredentialsSet
from events.verify import verify_log

MEMBERS = "/workspaces/acme/members"
ADA = "ada@acme.example"


@pytest.fixture
async def world(api: Management) -> World:
    """The database of the API: a workspace ``acme`` that signs in by SSO."""
    await api.register()
    made = World(api.pool, clock=api.clock)
    await made.append("acme", [DomainAdded(domain="acme.example"), credentials_data(CredentialsSet), SsoEnabled()])
    return made


async def link(world: World, member_id: UUID, subject: str) -> None:
    await world.pool.execute(
        "insert into identity.identities (workspace, issuer, subject, member_id, linked_at, last_sign_in_at)"
        " values ('acme', $1, $2, $3, $4, $4)",
        ISSUER,
        subject,
        member_id,
        world.clock.now,
    )


async def delete(api: Management, who: str, status: int = 201, **headers: str) -> dict[str, Any]:
    answer = await api.call("DELETE", f"{MEMBERS}/{who}", {"reason": "left"}, **headers)
    told: dict[str, Any] = await answer.json()
    assert answer.status == status, told
    return told


async def everything(api: Management) -> str:
    """Return all that the tables of people hold, as text."""
    tables = await api.pool.fetch("select table_name from information_schema.tables where table_schema = 'identity'")
    rows = [await api.pool.fetch(f"select * from identity.{row['table_name']}") for row in tables]
    return repr([[tuple(one.values()) for one in table] for table in rows]).lower()


async def test_a_removed_member_is_erased_and_the_log_verifies(api: Management, world: World) -> None:
    """Nothing of the address is left in any table, kept answers to earlier requests included; the event has the id."""
    member_id = str(await world.member(ADA, proven=True))
    await api.post("/workspaces/acme/invitations", {"email": "Grace@acme.example"}, Idempotency_Key="k-1")
    await api.patch(f"{MEMBERS}/{ADA}", {"role": "viewer"}, Idempotency_Key="k-2")
    await world.pool.execute(
        "insert into identity.magic_links (token_hash, email, email_key, created_at, expires_at)"
        " values ($1, $2, $2, now(), now())",
        bytes(32),
        ADA,
    )
    assert ADA in await everything(api)
    told = await delete(api, ADA, Idempotency_Key="k-3")
    (event,) = told["events"]
    assert (event["type"], event["data"], event["reason"]) == ("MemberErased", {"member_id": member_id}, "left")
    assert ADA not in await everything(api)
    assert ADA not in json.dumps(told)
    assert (await api.get(MEMBERS))["items"] == []
    assert (await verify_log(api.store)).fault is None
    assert (await delete(api, ADA, Idempotency_Key="k-3"))["events"] == told["events"]
    assert (await delete(api, ADA, 404))["code"] == "member_unknown"
    assert (await delete(api, member_id, 404))["code"] == "member_unknown"
    assert "grace@acme.example" in await everything(api)


async def test_s6_the_last_owner_with_a_way_in_is_kept_while_sso_is_required(api: Management, world: World) -> None:
    """Neither removed nor deactivated nor demoted, by id or address; each answer says what to do first."""
    owner = await world.member(ADA, "owner")
    await link(world, owner, "00u-ada")
    await world.append("acme", [EnforcementEnabled()])
    before = await world.event_types()
    answers = [await delete(api, who, 409) for who in (ADA, str(owner))]
    answers += [
        await api.patch(f"{MEMBERS}/{ADA}", body, 409) for body in ({"status": "deactivated"}, {"role": "admin"})
    ]
    assert {str(one["code"]) for one in answers} == {"would_lock_out"}
    assert all("Let another owner sign in by SSO first" in str(one["detail"]) for one in answers)
    assert await world.event_types() == before


async def test_removing_heeds_the_version_and_the_tokens_role(api: Management, world: World) -> None:
    await world.member(ADA)
    assert (await delete(api, ADA, 412, If_Match='"77"'))["code"] == "version_conflict"
    auditor = await api.new_token("auditor-1", "auditor")
    assert (await delete(api, ADA, 403, **auditor))["code"] == "forbidden"
    assert len((await api.get(MEMBERS))["items"]) == 1


async def test_an_invitation_is_sent_again_also_after_it_expired(api: Management, world: World) -> None:
    """A new one with a new link replaces it, as an event with a reason; what ended unaccepted can be listed."""
    made = await api.post("/workspaces/acme/invitations", {"email": ADA, "role": "viewer"})
    path = "/workspaces/acme/invitations"
    again = f"{path}/{made['invitation']['id']}/resend"
    early = await api.post(again, {}, 429)
    assert (early["code"], early["retry_after"]) == ("rate_limited", 60)
    world.clock.turn(days=15)
    assert (await api.get(path))["items"] == []
    (expired,) = (await api.get(f"{path}?status=expired"))["items"]
    assert (expired["id"], expired["status"]) == (made["invitation"]["id"], "expired")
    sent = await api.post(again, {"reason": "was on holiday"})
    assert [(one["type"], one["reason"]) for one in sent["events"]] == [("MemberInvited", "was on holiday")]
    (one,) = (await api.get(path))["items"]
    assert (one["id"], one["role"], one["status"]) == (sent["invitation"]["id"], "viewer", "open")
    assert (await api.get(f"{path}?status=expired"))["items"] == []
    assert (await api.post(again, {}, 404))["code"] == "invitation_unknown"
    await api.post(f"{path}/{one['id']}/revoke", {})
    assert (await api.post(f"{path}/{one['id']}/resend", {}, 404))["code"] == "invitation_unknown"
    (revoked,) = (await api.get(f"{path}?status=revoked"))["items"]
    assert revoked["email"] == ADA


async def test_a_member_is_linked_to_another_account_with_a_reason(api: Management, world: World) -> None:
    """B8: by the request id of the refused sign-in; without a reason, or for another request, nothing changes."""
    member_id = await world.member(ADA)
    await link(world, member_id, "00u-old")
    await world.pool.execute(
        "insert into identity.identity_conflicts (workspace, request_id, issuer, subject_scope, subject, email,"
        " email_key, verified, at) values ('acme', 'req_7', $1, '', '00u-new', $2, $2, false, $3)",
        ISSUER,
        ADA,
        world.clock.now,
    )
    path = f"{MEMBERS}/{ADA}/relink"
    for body in ({"request_id": "req_7"}, {"request_id": "req_8", "reason": "x"}, {"reason": "x"}):
        assert (await api.post(path, body, 422))["code"] == "data_invalid"
    done = await api.post(path, {"request_id": "req_7", "reason": "new Okta account"})
    assert ([one["type"] for one in done["events"]], done["outcome"]) == (["IdentityRelinked"], "linked")
    assert done["member"]["id"] == str(member_id)
    again = await api.post(path, {"request_id": "req_7", "reason": "new Okta account"}, 200)
    assert (again["events"], again["outcome"]) == ([], "unchanged")
    assert [row["subject"] for row in await world.rows("identities")] == ["00u-new"]
    unknown = f"{MEMBERS}/{uuid4()}/relink"
    assert (await api.post(unknown, {"request_id": "req_7", "reason": "x"}, 404))["code"] == "member_unknown"


async def test_linking_an_owner_answers_that_a_mail_has_gone_out(api: Management, world: World) -> None:
    """S2: 200 with no event; a second request within two minutes has to wait."""
    await link(world, await world.member(ADA, "owner"), "00u-old")
    await world.pool.execute(
        "insert into identity.identity_conflicts (workspace, request_id, issuer, subject_scope, subject, email,"
        " email_key, verified, at) values ('acme', 'req_7', $1, '', '00u-new', $2, $2, false, $3)",
        ISSUER,
        ADA,
        world.clock.now,
    )
    body = {"request_id": "req_7", "reason": "new Okta account"}
    mailed = await api.post(f"{MEMBERS}/{ADA}/relink", body, 200)
    assert (mailed["events"], mailed["outcome"]) == ([], "mailed")
    assert (await api.post(f"{MEMBERS}/{ADA}/relink", body, 429))["code"] == "rate_limited"
    assert [row["subject"] for row in await world.rows("identities")] == ["00u-old"]
