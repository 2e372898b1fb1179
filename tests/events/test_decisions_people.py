"""Decisions about bypasses, set-up links, recovery codes, members; and who may ask for what."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.deciding import ADA, NOW, TYPED, Deciding, resolved

from events.commands import Command
from events.commands.access import (
    GrantBypass,
    IssueRecoveryCodes,
    IssueSetupLink,
    LapseEnforcement,
    RevokeRecoveryCodes,
    UseRecoveryCode,
    UseSetupLink,
)
from events.commands.people import (
    ChangeMember,
    DeactivateMember,
    EraseMember,
    InviteMember,
    JoinMember,
    ReactivateMember,
    RelinkIdentity,
    RevokeInvitation,
)
from events.decisions import MemberFact
from events.envelope import SYSTEM, Actor

EDDA = MemberFact("edda", "editor", "acme.example")
GRACE = replace(ADA, member_id="grace")
OWNER = Actor("member", "ada")
SETUP = Actor("setup", "l1")
HASH = "a" * 64


def test_a_bypass_is_for_an_active_member_and_carries_no_address() -> None:
    acme = Deciding().enforced()
    data = {"email": "edda@acme.example", "hours": 72}
    assert acme.refusal("BypassGranted", data).code == "member_unknown"
    assert acme.refusal("BypassGranted", data, member=replace(EDDA, active=False)).code == "member_unknown"
    assert acme.emit("BypassGranted", data, member=EDDA) == ["BypassGranted"]
    assert acme.recorded[-1].data == {
        "member_id": "edda",
        "expires_at": "2026-11-28T13:00:00.000000Z",
        "reason": "asked by Grace",
    }
    assert acme.emit("BypassRevoked", {"email": "edda@acme.example"}, member=EDDA) == ["BypassRevoked"]
    assert acme.emit("BypassRevoked", {"email": "edda@acme.example"}, member=EDDA) == []
    assert acme.refusal("BypassRevoked", {"email": "nobody@acme.example"}).code == "member_unknown"


@pytest.mark.parametrize("end", [NOW, NOW - timedelta(seconds=1), NOW + timedelta(hours=72, seconds=1)])
def test_a_bypass_ends_in_the_next_72_hours(end: object) -> None:
    acme = Deciding().registered()
    data = {"email": "edda@acme.example", "expires_at": str(end)}
    assert acme.refusal("BypassGranted", data, member=EDDA).code == "data_invalid"


def test_the_same_bypass_again_changes_nothing_and_one_that_ended_is_nothing_to_revoke() -> None:
    acme = Deciding().registered()
    grant = GrantBypass(email="edda@acme.example", expires_at="2026-11-26T13:00:00Z", reason="lost key")
    assert acme.do(grant, member=EDDA) == ["BypassGranted"]
    assert acme.do(grant, member=EDDA) == []
    later = NOW + timedelta(days=2)
    assert acme.emit("BypassRevoked", {"email": "edda@acme.example"}, member=EDDA, now=later) == []


def test_a_bypass_needs_a_reason_from_the_data_or_the_request() -> None:
    acme = Deciding(reason=None).registered()
    data = {"email": "edda@acme.example", "hours": 1}
    assert acme.refusal("BypassGranted", data, member=EDDA).code == "data_invalid"
    assert acme.emit("BypassGranted", {**data, "reason": "lost key"}, member=EDDA) == ["BypassGranted"]


def test_a_set_up_link_is_used_once_in_time_and_not_after_revocation() -> None:
    acme = Deciding().registered()
    use = UseSetupLink(link_id="l1")
    assert acme.refusal(use, actor=SETUP).details["cause"] == "unknown"
    acme.do(IssueSetupLink(link_id="l1", token_hash=HASH, hours=1))
    assert acme.do(IssueSetupLink(link_id="l1", token_hash=HASH, hours=1)) == []
    assert acme.refusal(use, actor=SETUP, now=NOW + timedelta(hours=1)).details["cause"] == "expired"
    assert acme.do(use, actor=SETUP) == ["SetupLinkUsed"]
    assert acme.refusal(use, actor=SETUP).details["cause"] == "used"
    assert acme.emit("SetupLinkRevoked", {"link_id": "l1"}) == ["SetupLinkRevoked"]
    assert acme.emit("SetupLinkRevoked", {"link_id": "l1"}) == []
    assert acme.refusal(use, actor=SETUP).code == "not_found"


def test_a_recovery_code_is_spent_once_and_new_codes_void_the_old() -> None:
    acme = Deciding().registered()
    owner = {"actor": OWNER, "acting_role": "owner"}
    acme.do(IssueRecoveryCodes(member_id="ada", code_hashes=[HASH, "b" * 64]), **owner)
    use = UseRecoveryCode(member_id="ada", code_hash=HASH)
    assert acme.do(use, actor=OWNER, acting_role="recovery") == ["RecoveryCodeUsed"]
    assert acme.refusal(use, actor=OWNER, acting_role="recovery").code == "forbidden"
    acme.do(IssueRecoveryCodes(member_id="ada", code_hashes=["c" * 64]), **owner)
    void = UseRecoveryCode(member_id="ada", code_hash="b" * 64)
    assert acme.refusal(void, actor=OWNER, acting_role="recovery").code == "forbidden"


def test_an_operator_makes_an_owners_codes_void_and_nobody_else_may() -> None:
    acme = Deciding().registered()
    acme.do(IssueRecoveryCodes(member_id="ada", code_hashes=[HASH]), actor=OWNER, acting_role="owner")
    revoke, operator = RevokeRecoveryCodes(member_id="ada"), Actor("operator", "grace")
    assert acme.refusal(revoke, actor=OWNER, acting_role="owner").code == "forbidden"
    assert acme.refusal(revoke).code == "forbidden"
    assert acme.do(RevokeRecoveryCodes(member_id="edda"), actor=operator) == []
    assert acme.do(revoke, actor=operator) == ["RecoveryCodesRevoked"]
    assert acme.do(revoke, actor=operator) == []
    use = UseRecoveryCode(member_id="ada", code_hash=HASH)
    assert acme.refusal(use, actor=OWNER, acting_role="recovery").code == "forbidden"


def test_staff_add_an_owner_only_where_there_is_none() -> None:
    acme = Deciding().registered()
    invite = InviteMember(invitation_id="i1", role="owner")
    promote = ChangeMember(member_id="edda", role="owner")
    former = replace(ADA, member_id="old", active=False)
    assert acme.do(invite, owners=()) == ["MemberInvited"]
    assert acme.refusal(invite).code == "forbidden"
    assert acme.refusal(promote, member=EDDA).code == "forbidden"
    assert acme.refusal(ReactivateMember(member_id="old"), member=former).code == "forbidden"
    assert acme.do(promote, member=EDDA, actor=OWNER, acting_role="owner") == ["MemberRoleChanged"]
    assert acme.do(RevokeInvitation(invitation_id="i1")) == ["InvitationRevoked"]


def leaving() -> list[Command]:
    return [
        DeactivateMember(member_id="ada"),
        EraseMember(member_id="ada"),
        ChangeMember(member_id="ada", role="admin"),
    ]


@pytest.mark.parametrize("command", leaving(), ids=lambda command: command.emits)
def test_while_enforced_the_last_owner_with_a_way_in_stays(command: Command) -> None:
    acme = Deciding().enforced()
    assert acme.refusal(command, member=ADA).code == "would_lock_out"
    never_in = replace(GRACE, links=())
    assert acme.refusal(command, member=ADA, owners=(ADA, never_in)).code == "would_lock_out"
    assert acme.do(command, member=ADA, owners=(ADA, GRACE)) == [command.emits]


@pytest.mark.parametrize("command", leaving(), ids=lambda command: command.emits)
def test_without_enforcement_an_owner_may_leave_and_a_member_always(command: Command) -> None:
    assert Deciding().registered().do(command, member=ADA) == [command.emits]
    assert Deciding().enforced().do(command, member=replace(EDDA, role="viewer")) == [command.emits]


def test_a_change_of_a_member_that_changes_nothing_records_nothing() -> None:
    acme = Deciding().registered()
    assert acme.do(ChangeMember(member_id="edda", role="editor"), member=EDDA) == []
    assert acme.do(ChangeMember(member_id="edda", websites="all"), member=EDDA) == []
    assert acme.do(ChangeMember(member_id="edda", websites=["w1"]), member=EDDA) == ["MemberRoleChanged"]
    assert acme.recorded[-1].data == {"member_id": "edda", "role": "editor", "websites": ["w1"]}
    assert acme.do(DeactivateMember(member_id="edda"), member=replace(EDDA, active=False)) == []
    assert acme.do(ReactivateMember(member_id="edda"), member=EDDA) == []
    assert acme.do(ReactivateMember(member_id="edda"), member=replace(EDDA, active=False)) == ["MemberReactivated"]
    assert acme.refusal(DeactivateMember(member_id="nobody")).code == "member_unknown"


def test_a_person_joins_by_what_holds_when_it_is_recorded() -> None:
    acme = Deciding().with_sso()
    member = Actor("member", "new")
    jit = JoinMember(member_id="new", how="jit", role="editor", credentials_id="c1")
    assert acme.do(jit, actor=member) == ["MemberJoined"]
    assert acme.refusal(jit.model_copy(update={"role": "owner"}), actor=member).code == "forbidden"
    assert acme.refusal(jit.model_copy(update={"credentials_id": None}), actor=member).code == "forbidden"
    assert acme.refusal(jit.model_copy(update={"credentials_id": "c0"}), actor=member).code == "not_ready"
    acme.emit("JitDisabled")
    assert acme.refusal(jit, actor=member).code == "forbidden"
    invited = JoinMember(member_id="new", how="invited", role="owner", invitation_id="i1", credentials_id="c1")
    assert acme.do(invited, actor=member) == ["MemberJoined"]
    acme.emit("SsoDisabled")
    assert acme.refusal(invited, actor=member).code == "not_ready"
    by_mail = JoinMember(member_id="new", how="invited", role="viewer", invitation_id="i1")
    assert acme.do(by_mail, actor=member) == ["MemberJoined"]
    relink = RelinkIdentity(member_id="new", credentials_id="c1", how="mailed_link")
    assert acme.do(relink, actor=member) == ["IdentityRelinked"]


SETUP_MAY = [
    ("DomainAdded", {"domain": "b.example"}),
    ("JitDisabled", {}),
    ("CredentialsSet", TYPED),
    ("CredentialsStaged", TYPED),
]
OWNERS_ONLY = [
    ("CredentialsPromoted", {}),
    ("CredentialsRolledBack", {}),
    ("CredentialsRemoved", {}),
    ("EnforcementEnabled", {}),
    ("EnforcementDisabled", {}),
    ("SsoDisabled", {}),
    ("BypassGranted", {"email": "a@acme.example", "hours": 1}),
    ("SetupLinkRevoked", {"link_id": "l1"}),
]


@pytest.mark.parametrize(("type_", "data"), SETUP_MAY)
def test_a_set_up_link_configures_and_stages(type_: str, data: dict[str, str]) -> None:
    assert Deciding().with_sso().emit(type_, data, actor=SETUP, credentials=resolved("c2")) == [type_]


@pytest.mark.parametrize(
    ("type_", "data"), [*OWNERS_ONLY, ("WorkspaceClosed", {}), ("WorkspacePlanChanged", {"plan": "x"})]
)
def test_what_decides_who_gets_in_is_not_for_a_set_up_link_nor_for_a_member_who_is_no_owner(
    type_: str, data: dict[str, str]
) -> None:
    acme = Deciding().enforced()
    assert acme.refusal(type_, data, actor=SETUP).code == "forbidden"
    for role in ("admin", "editor", "viewer", None):
        assert acme.refusal(type_, data, actor=OWNER, acting_role=role).code == "forbidden"


def test_an_owner_lifts_enforcement_and_a_recovery_session_may_only_stage_promote_and_lift() -> None:
    acme = Deciding().enforced()
    recovery: dict[str, Any] = {"actor": OWNER, "acting_role": "recovery"}
    assert acme.emit("CredentialsStaged", TYPED, credentials=resolved("c2"), **recovery) == ["CredentialsStaged"]
    assert acme.refusal("DomainAdded", {"domain": "b.example"}, **recovery).code == "forbidden"
    assert acme.refusal("BypassGranted", {"email": "a@acme.example", "hours": 1}, **recovery).code == "forbidden"
    assert acme.emit("EnforcementDisabled", **recovery) == ["EnforcementDisabled"]
    owner: dict[str, Any] = {"actor": OWNER, "acting_role": "owner"}
    assert acme.emit("EnforcementEnabled", **owner) == ["EnforcementEnabled"]


@pytest.mark.parametrize("kind", ["staff", "token", "operator", "setup", "member"])
def test_only_the_clock_lets_enforcement_lapse_and_only_an_owner_makes_recovery_codes(kind: str) -> None:
    acme = Deciding().enforced(confirm_within=5)
    actor = Actor(kind, "x")  # type: ignore[arg-type]
    late = NOW + timedelta(hours=1)
    assert acme.refusal(LapseEnforcement(event_id="e"), actor=actor, now=late).code == "forbidden"
    assert acme.refusal(IssueRecoveryCodes(member_id="ada", code_hashes=[HASH]), actor=actor).code == "forbidden"
    assert acme.do(LapseEnforcement(event_id="e"), actor=SYSTEM, now=late) == []
