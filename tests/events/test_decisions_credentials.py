"""Decisions about credentials, SSO and enforcement: while SSO is required, a proven way in stays."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.deciding import ADA, ISSUER, NOW, STAFF, TYPED, Deciding, resolved

from events.commands.access import ConfirmEnforcement, LapseEnforcement
from events.commands.credentials import ProveConnection
from events.decisions import SsoLink
from events.envelope import SYSTEM, Actor

NEW_ISSUER = "https://login.acme.example"


def test_sso_lists_all_that_is_missing() -> None:
    acme = Deciding().registered(plan="starter")
    refusal = acme.refusal("SsoEnabled")
    assert (refusal.code, refusal.details["missing"]) == ("not_ready", ["plan", "domain", "credentials"])


def test_sso_on_a_plan_without_it_says_so() -> None:
    acme = Deciding().with_sso()
    acme.emit("WorkspacePlanChanged", {"plan": "starter"})
    refusal = acme.refusal("SsoEnabled")
    assert (refusal.code, refusal.details["missing"]) == ("plan_without_sso", ["plan"])


def test_sso_is_enabled_and_disabled_once() -> None:
    acme = Deciding().with_sso()
    assert acme.emit("SsoEnabled") == []
    assert acme.emit("SsoDisabled") == ["SsoDisabled"]
    assert acme.recorded[-1].data == {"reason": "asked by Grace"}
    assert acme.emit("SsoDisabled") == []


def test_setting_credentials_un_proves_the_connection_and_the_same_ones_change_nothing() -> None:
    acme = Deciding().with_sso().proven()
    same = resolved("c9", secret_fingerprint="print-c1", secret_id="other", secret_digest="1" * 64)
    assert acme.emit("CredentialsSet", TYPED, credentials=same) == []
    assert acme.emit("CredentialsSet", TYPED, credentials=resolved("c2")) == ["CredentialsSet"]
    assert acme.workspace.credentials is not None
    assert not acme.workspace.credentials.proven


@pytest.mark.parametrize(
    "change", [{"email_verified": "require"}, {"client_id": "x"}, {"auth_method": "client_secret_post"}]
)
def test_any_change_but_of_the_seal_is_a_change(change: dict[str, str]) -> None:
    acme = Deciding().with_sso()
    other = resolved("c2", secret_fingerprint="print-c1", **change)
    assert acme.emit("CredentialsSet", TYPED, credentials=other) == ["CredentialsSet"]


def test_credentials_are_decided_on_only_when_resolved() -> None:
    with pytest.raises(ValueError, match="resolved"):
        Deciding().registered().emit("CredentialsSet", TYPED)


def test_a_connection_is_proven_once_and_only_for_credentials_in_use() -> None:
    acme = Deciding().with_sso()
    assert acme.prove("c1") == ["ConnectionProven"]
    assert acme.prove("c1") == []
    acme.emit("CredentialsStaged", TYPED, credentials=resolved("c2"))
    assert acme.prove("c2") == ["ConnectionProven"]
    acme.emit("CredentialsPromoted")
    unused = ProveConnection(credentials_id="c1", by="sign_in")
    assert acme.refusal(unused, actor=SYSTEM).code == "not_ready"
    acme.emit("CredentialsStaged", TYPED, credentials=resolved("c3"))
    acme.emit("CredentialsDiscarded")
    discarded = ProveConnection(credentials_id="c3", by="test")
    assert acme.refusal(discarded, actor=SYSTEM).code == "not_ready"


def test_support_cannot_prove_a_connection_by_saying_so() -> None:
    acme = Deciding().with_sso()
    assert acme.refusal(ProveConnection(credentials_id="c1", by="test"), actor=STAFF).code == "forbidden"


def test_staged_credentials_are_promoted_only_when_proven_and_meant() -> None:
    acme = Deciding().with_sso()
    assert acme.refusal("CredentialsPromoted").code == "not_ready"
    acme.emit("CredentialsStaged", TYPED, credentials=resolved("c2"))
    assert acme.emit("CredentialsStaged", TYPED, credentials=resolved("c3", secret_fingerprint="print-c2")) == []
    assert acme.refusal("CredentialsPromoted").code == "not_proven"
    acme.prove("c2")
    assert acme.refusal("CredentialsPromoted", {"credentials_id": "c1"}).code == "not_ready"
    assert acme.emit("CredentialsPromoted", {"credentials_id": "c2"}) == ["CredentialsPromoted"]


def test_the_former_credentials_stay_for_one_rollback() -> None:
    acme = Deciding().enforced()
    acme.emit("CredentialsStaged", TYPED, credentials=resolved("c2"))
    acme.prove("c2")
    acme.emit("CredentialsPromoted")
    assert acme.emit("CredentialsRolledBack") == ["CredentialsRolledBack"]
    assert acme.workspace.credentials is not None
    assert (acme.workspace.credentials.credentials_id, acme.workspace.credentials.proven) == ("c1", True)
    assert acme.refusal("CredentialsRolledBack").code == "not_ready"


def test_while_enforced_unproven_former_credentials_do_not_come_back() -> None:
    acme = Deciding().with_sso()
    acme.emit("CredentialsStaged", TYPED, credentials=resolved("c2"))
    acme.prove("c2")
    acme.emit("CredentialsPromoted")
    acme.emit("EnforcementEnabled")
    assert acme.refusal("CredentialsRolledBack").code == "not_proven"
    acme.emit("EnforcementDisabled")
    assert acme.emit("CredentialsRolledBack") == ["CredentialsRolledBack"]


def test_while_enforced_a_new_issuer_is_promoted_only_with_an_owner_linked_there() -> None:
    acme = Deciding().enforced()
    acme.emit("CredentialsStaged", TYPED, credentials=resolved("c2", issuer=NEW_ISSUER))
    acme.prove("c2")
    assert acme.refusal("CredentialsPromoted").code == "would_lock_out"
    linked = replace(ADA, links=(*ADA.links, SsoLink(NEW_ISSUER, "", NOW)))
    assert acme.emit("CredentialsPromoted", owners=(linked,)) == ["CredentialsPromoted"]


def test_while_enforced_a_former_issuer_comes_back_only_with_an_owner_linked_there() -> None:
    """Its proof may be an editor's, or an owner's who has left since."""
    acme = Deciding().enforced()
    acme.emit("CredentialsStaged", TYPED, credentials=resolved("c2", issuer=NEW_ISSUER))
    acme.prove("c2")
    new, both = SsoLink(NEW_ISSUER, "", NOW), (*ADA.links, SsoLink(NEW_ISSUER, "", NOW))
    acme.emit("CredentialsPromoted", owners=(replace(ADA, links=both),))
    grace = replace(ADA, member_id="grace", links=(new,))
    assert acme.refusal("CredentialsRolledBack", owners=(grace,)).code == "would_lock_out"
    long_ago = replace(ADA, links=(SsoLink(ISSUER, "", NOW - timedelta(days=31)), new))
    assert acme.refusal("CredentialsRolledBack", owners=(grace, long_ago)).code == "would_lock_out"
    assert acme.emit("CredentialsRolledBack", owners=(grace, replace(ADA, links=both))) == ["CredentialsRolledBack"]


def test_pairwise_subjects_of_another_client_are_not_a_link() -> None:
    acme = Deciding().enforced()
    acme.emit("CredentialsStaged", TYPED, credentials=resolved("c2", client_id="other", subject_type="pairwise"))
    acme.prove("c2")
    assert acme.refusal("CredentialsPromoted").code == "would_lock_out"
    linked = replace(ADA, links=(SsoLink(ISSUER, "other", NOW),))
    assert acme.emit("CredentialsPromoted", owners=(linked,)) == ["CredentialsPromoted"]


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("CredentialsSet", TYPED),
        ("CredentialsRemoved", {}),
        ("SsoDisabled", {}),
        ("DomainRemoved", {"domain": "acme.example"}),
    ],
)
def test_while_enforced_nothing_breaks_the_way_in(type_: str, data: dict[str, str]) -> None:
    acme = Deciding().enforced()
    refusal = acme.refusal(type_, data, credentials=resolved("c2"))
    assert refusal.code == "would_lock_out"
    acme.emit("EnforcementDisabled")
    assert acme.emit(type_, data, credentials=resolved("c2")) == [type_]


def test_while_enforced_the_domain_of_the_last_owner_with_a_way_in_stays() -> None:
    acme = Deciding().enforced()
    acme.emit("DomainAdded", {"domain": "b.example"})
    assert acme.refusal("DomainRemoved", {"domain": "acme.example"}).code == "would_lock_out"
    assert acme.emit("DomainRemoved", {"domain": "b.example"}) == ["DomainRemoved"]
    acme.emit("DomainAdded", {"domain": "b.example"})
    grace = replace(ADA, member_id="grace", domain="b.example")
    assert acme.emit("DomainRemoved", {"domain": "acme.example"}, owners=(ADA, grace)) == ["DomainRemoved"]


def test_enforcement_lists_all_that_is_missing() -> None:
    acme = Deciding(owners=()).registered(plan="starter")
    refusal = acme.refusal("EnforcementEnabled")
    assert (refusal.code, refusal.details["missing"]) == ("not_ready", ["plan", "domain", "sso", "proof", "owner"])
    acme = Deciding(owners=()).with_sso()
    refusal = acme.refusal("EnforcementEnabled")
    assert (refusal.code, refusal.details["missing"]) == ("not_proven", ["proof", "owner"])
    assert acme.refusal("EnforcementEnabled", owners=(ADA,)).code == "not_proven"


@pytest.mark.parametrize(
    "owner",
    [
        replace(ADA, role="admin"),
        replace(ADA, active=False),
        replace(ADA, domain="other.example"),
        replace(ADA, links=()),
        replace(ADA, links=(SsoLink(ISSUER, "", None),)),
        replace(ADA, links=(SsoLink(ISSUER, "", NOW - timedelta(days=31)),)),
        replace(ADA, links=(SsoLink(f"{ISSUER}/", "", NOW),)),
        replace(ADA, links=(SsoLink(ISSUER, "0oa1example", NOW),)),
    ],
    ids=["no owner", "deactivated", "outside", "never linked", "never in", "long ago", "other issuer", "other scope"],
)
def test_enforcement_needs_an_active_owner_who_signed_in_by_sso_recently(owner: object) -> None:
    acme = Deciding(owners=(owner,)).with_sso().proven()
    refusal = acme.refusal("EnforcementEnabled")
    assert (refusal.code, refusal.details["missing"]) == ("would_lock_out", ["owner"])


def test_enforcement_with_a_time_to_confirm_records_its_deadline() -> None:
    acme = Deciding().enforced(confirm_within=60)
    assert acme.recorded[-1].data == {"confirm_within": 60, "confirm_by": "2026-11-25T14:00:00.000000Z"}
    assert acme.emit("EnforcementEnabled") == []
    assert acme.emit("EnforcementDisabled", {"reason": "test"}) == ["EnforcementDisabled"]
    assert acme.recorded[-1].data == {"reason": "test"}
    assert acme.emit("EnforcementDisabled") == []


def lapse(acme: Deciding) -> LapseEnforcement:
    assert acme.workspace.enforcement is not None
    return LapseEnforcement(event_id=acme.workspace.enforcement.event_id)


def test_an_unconfirmed_enforcement_lapses_at_its_deadline_and_names_what_it_lifts() -> None:
    acme = Deciding().enforced(confirm_within=60)
    command = lapse(acme)
    assert acme.do(command, actor=SYSTEM, now=NOW + timedelta(minutes=59)) == []
    assert acme.do(LapseEnforcement(event_id="another"), actor=SYSTEM, now=NOW + timedelta(hours=2)) == []
    assert acme.do(command, actor=SYSTEM, now=NOW + timedelta(minutes=60)) == ["EnforcementLapsed"]
    assert acme.recorded[-1].data == {"lifted_event_id": command.event_id}
    assert acme.workspace.enforcement is None
    assert acme.do(command, actor=SYSTEM, now=NOW + timedelta(hours=2)) == []


def test_a_sign_in_in_time_confirms_once_and_enforcement_stays() -> None:
    acme = Deciding().enforced(confirm_within=60)
    confirm = ConfirmEnforcement(member_id="grace")
    member = Actor("member", "grace")
    assert acme.do(confirm, actor=member, acting_role="editor") == ["EnforcementConfirmed"]
    assert acme.do(confirm, actor=member, acting_role="editor") == []
    assert acme.do(lapse(acme), actor=SYSTEM, now=NOW + timedelta(days=9)) == []


def test_a_sign_in_after_the_deadline_confirms_nothing() -> None:
    acme = Deciding().enforced(confirm_within=60)
    assert acme.do(ConfirmEnforcement(), actor=SYSTEM, now=NOW + timedelta(hours=1)) == []


def test_a_confirmation_that_was_lost_is_recorded_instead_of_a_lapse() -> None:
    acme = Deciding().enforced(confirm_within=60)
    late = NOW + timedelta(hours=2)
    assert acme.do(lapse(acme), actor=SYSTEM, now=late, sso_since_enforcement=True) == ["EnforcementConfirmed"]


def test_a_confirmation_needs_an_owner_with_a_way_in() -> None:
    acme = Deciding().enforced(confirm_within=60)
    assert acme.refusal(ConfirmEnforcement(), actor=SYSTEM, owners=()).code == "would_lock_out"
    late = NOW + timedelta(hours=2)
    assert acme.do(lapse(acme), actor=SYSTEM, now=late, owners=(), sso_since_enforcement=True) == ["EnforcementLapsed"]


def test_enforcement_without_a_time_to_confirm_never_lapses_and_is_confirmed_by_a_sign_in() -> None:
    acme = Deciding().enforced()
    assert acme.do(lapse(acme), actor=SYSTEM, now=NOW + timedelta(days=999)) == []
    assert acme.do(ConfirmEnforcement(member_id="ada"), actor=SYSTEM) == ["EnforcementConfirmed"]
