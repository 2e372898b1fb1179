"""Decisions about the workspace, its plan, domains and just-in-time creation."""

import pytest
from support.deciding import ADA, STAFF, Deciding, resolved

from events.commands.configuration import RegisterWorkspace
from events.commands.credentials import ShredSecrets
from events.commands.people import EraseMember
from events.decisions import Facts, Rules, decide
from events.domains import MailDomainPolicy
from events.envelope import SYSTEM, Actor
from events.refusals import Refusal
from events.workspace import Workspace

SETUP = Actor("setup", "l1")


def test_a_slug_is_registered_once_and_never_again() -> None:
    acme = Deciding().registered()
    again = RegisterWorkspace(slug="acme", name="Other", plan="one")
    assert acme.refusal(again).code == "slug_taken"
    acme.emit("WorkspaceClosed")
    assert acme.refusal(again).code == "slug_taken"


def test_nothing_is_emitted_into_a_workspace_that_is_not_there() -> None:
    acme = Deciding()
    assert acme.refusal("JitDisabled").code == "workspace_unknown"
    with pytest.raises(Refusal, match="workspace_unknown"):
        decide(None, EraseMember(member_id="ada"), acme.facts, acme.rules)


def test_a_registration_switches_jit_on_as_editor() -> None:
    acme = Deciding().registered()
    assert (acme.workspace.jit_enabled, acme.workspace.jit_role) == (True, "editor")
    assert acme.emit("JitEnabled") == []
    assert acme.emit("JitEnabled", {"role": "viewer"}) == ["JitEnabled"]
    assert acme.emit("JitDisabled") == ["JitDisabled"]
    assert acme.emit("JitDisabled") == []
    assert acme.emit("JitEnabled", {"role": "viewer"}) == ["JitEnabled"]


def test_signing_out_at_the_provider_is_off_until_somebody_wants_it_and_each_switch_counts_once() -> None:
    acme = Deciding().registered()
    assert acme.workspace.provider_logout is False
    assert acme.emit("ProviderLogoutDisabled") == []
    assert acme.emit("ProviderLogoutEnabled", actor=SETUP) == ["ProviderLogoutEnabled"]
    assert acme.emit("ProviderLogoutEnabled") == []
    assert Workspace.from_document(acme.workspace.to_document()).provider_logout is True
    assert acme.emit("ProviderLogoutDisabled", actor=SETUP) == ["ProviderLogoutDisabled"]
    assert acme.workspace.provider_logout is False


def test_a_closed_workspace_takes_no_more_changes_and_still_forgets() -> None:
    acme = Deciding().enforced()
    assert acme.emit("WorkspaceClosed") == ["EnforcementDisabled", "SsoDisabled", "WorkspaceClosed"]
    assert acme.emit("WorkspaceClosed") == []
    assert acme.refusal("DomainAdded", {"domain": "other.example"}).code == "workspace_closed"
    assert acme.refusal("SsoEnabled").code == "workspace_closed"
    assert acme.do(EraseMember(member_id="ada"), member=ADA) == ["MemberErased"]
    shred = ShredSecrets(data_key_ids=["k1"])
    assert acme.do(shred, actor=SYSTEM) == ["SecretsShredded"]
    assert acme.do(shred, actor=SYSTEM) == []


def test_secrets_of_an_open_workspace_are_not_shredded() -> None:
    acme = Deciding().with_sso()
    assert acme.refusal(ShredSecrets(data_key_ids=["k1"]), actor=SYSTEM).code == "not_ready"


def test_where_there_was_no_data_key_no_shredding_is_recorded() -> None:
    acme = Deciding().registered()
    assert acme.refusal(ShredSecrets(data_key_ids=[]), actor=SYSTEM).code == "not_ready"
    acme.emit("WorkspaceClosed")
    assert acme.do(ShredSecrets(data_key_ids=[]), actor=SYSTEM) == []
    assert acme.workspace.shredded is False


def test_leaving_the_sso_plans_lifts_enforcement_then_disables_sso_then_changes_the_plan_each_with_the_reason() -> None:
    acme = Deciding().enforced()
    assert acme.emit("WorkspacePlanChanged", {"plan": "starter"}) == [
        "EnforcementDisabled",
        "SsoDisabled",
        "WorkspacePlanChanged",
    ]
    reasons = [event.data["reason"] for event in acme.recorded[-3:-1]]
    assert reasons == ["The plan starter does not include SSO."] * 2
    assert acme.workspace.enforcement is None
    assert not acme.workspace.sso_enabled


def test_a_change_between_sso_plans_touches_nothing_else_and_the_same_plan_nothing_at_all() -> None:
    acme = Deciding(Rules(sso_plans=frozenset({"one", "two"}))).enforced()
    assert acme.emit("WorkspacePlanChanged", {"plan": "two"}) == ["WorkspacePlanChanged"]
    assert acme.emit("WorkspacePlanChanged", {"plan": "two"}) == []
    assert acme.workspace.enforcement is not None


def test_a_setting_that_changed_judges_commands_and_leaves_what_is_recorded() -> None:
    acme = Deciding().enforced()
    acme.rules = Rules(sso_plans=frozenset({"other"}))
    assert acme.workspace.enforcement is not None
    assert acme.emit("DomainAdded", {"domain": "other.example"}) == ["DomainAdded"]
    assert acme.workspace.sso_enabled


def test_a_domain_is_added_once_in_its_one_form() -> None:
    acme = Deciding().registered()
    assert acme.emit("DomainAdded", {"domain": "Acme.EXAMPLE "}) == ["DomainAdded"]
    assert acme.emit("DomainAdded", {"domain": "acme.example."}) == []
    assert list(acme.workspace.domains) == ["acme.example"]
    assert acme.emit("DomainRemoved", {"domain": "ACME.example"}) == ["DomainRemoved"]
    assert acme.emit("DomainRemoved", {"domain": "acme.example"}) == []


@pytest.mark.parametrize(
    ("domain", "code"),
    [("gmail.com", "domain_generic"), ("mailinator.com", "domain_disposable"), ("co.uk", "domain_invalid")],
)
def test_a_domain_that_is_not_ones_own_is_refused(domain: str, code: str) -> None:
    assert Deciding().registered().refusal("DomainAdded", {"domain": domain}).code == code


def test_a_domain_denied_later_can_still_be_removed() -> None:
    acme = Deciding().registered()
    acme.emit("DomainAdded", {"domain": "acme.example"})
    acme.rules = Rules(mail_domains=MailDomainPolicy(deny=frozenset({"acme.example"})))
    assert acme.emit("DomainRemoved", {"domain": "acme.example"}) == ["DomainRemoved"]


def test_a_workspace_allows_at_most_a_hundred_domains() -> None:
    acme = Deciding().registered()
    for number in range(100):
        acme.emit("DomainAdded", {"domain": f"d{number}.example"})
    assert acme.refusal("DomainAdded", {"domain": "acme.example"}).code == "data_invalid"
    assert acme.emit("DomainAdded", {"domain": "d1.example"}) == []


def test_support_vouches_for_a_domain_and_others_need_the_dns_record() -> None:
    acme = Deciding().registered()
    assert acme.refusal("DomainVerified", {"domain": "acme.example"}).code == "not_ready"
    acme.emit("DomainAdded", {"domain": "acme.example"})
    record = {"domain": "acme.example", "method": "dns_txt"}
    assert acme.refusal("DomainVerified", {"domain": "acme.example"}, actor=SETUP).code == "forbidden"
    assert acme.refusal("DomainVerified", record, actor=SETUP).code == "not_ready"
    found = frozenset({"acme.example"})
    assert acme.emit("DomainVerified", record, actor=SETUP, proven_domains=found) == ["DomainVerified"]
    assert acme.emit("DomainVerified", record) == []
    assert acme.emit("DomainVerified", {"domain": "acme.example"}) == ["DomainVerified"]


def test_a_domain_added_with_its_proof_records_both() -> None:
    acme = Deciding().registered()
    both = ["DomainAdded", "DomainVerified"]
    assert acme.emit("DomainAdded", {"domain": "acme.example", "verified": "support"}) == both
    assert acme.emit("DomainAdded", {"domain": "b.example"}, proven_domains=frozenset({"b.example"})) == both
    acme.emit("DomainAdded", {"domain": "d.example"})
    assert acme.emit("DomainAdded", {"domain": "d.example", "verified": "support"}) == ["DomainVerified"]
    vouched = {"domain": "c.example", "verified": "support"}
    assert acme.refusal("DomainAdded", vouched, actor=SETUP).code == "forbidden"
    assert acme.emit("DomainAdded", {"domain": "acme.example", "verified": "support"}) == []


def test_where_verified_domains_are_a_condition_sso_waits_for_all_of_them_and_stays_with_them() -> None:
    acme = Deciding(Rules(require_verified_domains=True)).registered()
    acme.emit("DomainAdded", {"domain": "acme.example"})
    acme.emit("DomainAdded", {"domain": "b.example"})
    acme.emit("DomainVerified", {"domain": "acme.example"})
    acme.emit("CredentialsSet", {"issuer": "https://x", "client_id": "a", "client_secret": "b"}, credentials=resolved())
    refusal = acme.refusal("SsoEnabled")
    assert (refusal.code, refusal.details["missing"]) == ("not_ready", ["verified_domain"])
    assert refusal.details["unverified"] == ["b.example"]
    acme.emit("DomainVerified", {"domain": "b.example"})
    assert acme.emit("SsoEnabled") == ["SsoEnabled"]
    assert acme.refusal("DomainAdded", {"domain": "c.example"}).code == "not_ready"
    assert acme.emit("DomainAdded", {"domain": "c.example", "verified": "support"}) == ["DomainAdded", "DomainVerified"]


def test_facts_name_who_asks() -> None:
    with pytest.raises(TypeError):
        Facts(now=Deciding().facts.now)  # type: ignore[call-arg]
    assert STAFF.type == "token"
