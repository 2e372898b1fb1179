"""Whatever is asked for in whatever order: replay gives the same state, and a proven way in stays while enforced."""

# ruff: noqa: D102 - the name of a rule says what happens, the name of an invariant what is promised

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.deciding import ADA, ISSUER, NOW, TYPED, Deciding, resolved

from events.commands.access import ConfirmEnforcement, IssueSetupLink, LapseEnforcement, UseSetupLink
from events.commands.credentials import ProveConnection
from events.commands.people import ChangeMember, DeactivateMember, EraseMember, JoinMember
from events.decisions import MemberFact, Rules, SsoLink
from events.decisions.lockout import has_way_in
from events.decisions.readiness import missing_for_enforcement, missing_for_sso
from events.envelope import SYSTEM, Actor
from events.refusals import Refusal
from events.workspace import Workspace

DOMAINS = ["acme.example", "b.example", "gmail.com", "Acme.Example."]
ISSUERS = [ISSUER, "https://login.acme.example"]
ACTORS = [Actor("token", "t1"), Actor("setup", "l1"), Actor("member", "ada"), SYSTEM]
NO_DATA = [
    "JitDisabled",
    "ProviderLogoutEnabled",
    "ProviderLogoutDisabled",
    "CredentialsPromoted",
    "CredentialsRolledBack",
    "CredentialsDiscarded",
    "CredentialsRemoved",
    "SsoEnabled",
    "SsoDisabled",
    "EnforcementDisabled",
]


class Ledger(RuleBasedStateMachine):
    """One workspace, people who come and go, and anybody asking for anything."""

    def __init__(self) -> None:
        super().__init__()
        self.acme = Deciding(Rules(sso_plans=frozenset({"one", "two"}))).registered()
        self.owners: dict[str, MemberFact] = {"ada": replace(ADA, links=())}
        self.now = NOW
        self.number = 0

    def ask(self, type_: str, data: dict[str, Any] | None = None, **facts: Any) -> list[str]:
        return self.attempt(lambda: self.acme.emit(type_, data, **self.known(facts)))

    def attempt(self, request: Any) -> list[str]:
        before = self.acme.workspace.to_document()
        count = len(self.acme.recorded)
        try:
            done: list[str] = request()
        except Refusal:
            assert self.acme.workspace.to_document() == before, "a refusal changed the state"
            assert len(self.acme.recorded) == count
            return []
        if not done:
            assert self.acme.workspace.to_document() == before, "nothing was recorded, and the state changed"
        return done

    def known(self, facts: dict[str, Any]) -> dict[str, Any]:
        owners = tuple(owner for owner in self.owners.values() if owner.active and owner.role == "owner")
        return {"now": self.now, "owners": owners, "acting_role": "owner", **facts}

    @rule()
    def all_is_set_up(self) -> None:
        """Chance alone seldom gets as far as enforcement, where most promises are."""
        self.change_plan("one")
        self.an_owner_comes("ada", "acme.example")
        self.change_domains("DomainAdded", "acme.example")
        if self.acme.workspace.credentials is None:
            self.new_credentials("CredentialsSet", ISSUER)
        self.enable_sso_when_ready()
        self.sign_in(staged=False, member_id="ada")
        self.enforce(minutes=600)

    @rule(type_=st.sampled_from(NO_DATA), actor=st.sampled_from(ACTORS))
    def ask_without_data(self, type_: str, actor: Actor) -> None:
        self.ask(type_, {}, actor=actor)

    @rule(verb=st.sampled_from(["DomainAdded", "DomainRemoved", "DomainVerified"]), domain=st.sampled_from(DOMAINS))
    def change_domains(self, verb: str, domain: str) -> None:
        self.ask(verb, {"domain": domain})

    @rule()
    def the_company_moves_to_another_domain(self) -> None:
        self.change_domains("DomainAdded", "b.example")
        self.change_domains("DomainRemoved", "acme.example")

    @rule(plan=st.sampled_from(["one", "two", "starter"]))
    def change_plan(self, plan: str) -> None:
        done = self.ask("WorkspacePlanChanged", {"plan": plan})
        order = ["EnforcementDisabled", "SsoDisabled", "WorkspacePlanChanged"]
        assert done == [type_ for type_ in order if type_ in done]

    @rule(role=st.sampled_from(["editor", "viewer"]))
    def enable_jit(self, role: str) -> None:
        self.ask("JitEnabled", {"role": role})

    @rule(verb=st.sampled_from(["CredentialsSet", "CredentialsStaged"]), issuer=st.sampled_from(ISSUERS))
    def new_credentials(self, verb: str, issuer: str) -> None:
        self.number += 1
        self.ask(verb, TYPED, credentials=resolved(f"c{self.number}", issuer=issuer))

    @rule(issuer=st.sampled_from(ISSUERS), tester=st.sampled_from(["ada", "edda"]), regret=st.booleans())
    def credentials_are_rotated(self, issuer: str, tester: str, regret: bool) -> None:
        self.new_credentials("CredentialsStaged", issuer)
        self.sign_in(staged=True, member_id=tester)
        self.ask("CredentialsPromoted")
        if regret:
            self.ask("CredentialsRolledBack")

    @rule(staged=st.booleans(), member_id=st.sampled_from(["ada", "grace", "edda"]))
    def sign_in(self, staged: bool, member_id: str) -> None:
        workspace = self.acme.workspace
        credentials = workspace.staged if staged else workspace.credentials
        owner = self.owners.get(member_id)
        if credentials is None or (owner is not None and not workspace.allows(owner.domain)):
            return
        if not staged and not workspace.sso_enabled:
            return
        if owner is not None:
            link = SsoLink(credentials.issuer, credentials.subject_scope, self.now)
            self.owners[member_id] = replace(owner, links=(*owner.links, link))
        proof = ProveConnection(credentials_id=credentials.credentials_id, by="test" if staged else "sign_in")
        self.attempt(lambda: self.acme.do(proof, **self.known({"actor": SYSTEM})))
        confirm = ConfirmEnforcement(member_id=member_id)
        if not staged:
            self.attempt(lambda: self.acme.do(confirm, **self.known({"actor": SYSTEM})))

    @rule(minutes=st.sampled_from([None, 5, 600]))
    def enforce(self, minutes: int | None) -> None:
        workspace, known = self.acme.workspace, replace(self.acme.facts, **self.known({}))
        missing = missing_for_enforcement(workspace, known, self.acme.rules)
        done = self.ask("EnforcementEnabled", {"confirm_within": minutes})
        assert workspace.enforcement is not None or bool(done) != bool(missing)

    @rule()
    def enable_sso_when_ready(self) -> None:
        workspace = self.acme.workspace
        missing = missing_for_sso(workspace, self.acme.rules)
        assert workspace.sso_enabled or bool(self.ask("SsoEnabled")) != bool(missing)

    @rule(hours=st.integers(0, 30 * 24))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        enforcement = self.acme.workspace.enforcement
        if enforcement is not None:
            lapse = LapseEnforcement(event_id=enforcement.event_id)
            done = self.attempt(lambda: self.acme.do(lapse, **self.known({"actor": SYSTEM})))
            assert bool(done) == enforcement.lapsed(self.now)

    @rule(member_id=st.sampled_from(["ada", "grace"]), domain=st.sampled_from(["acme.example", "b.example"]))
    def an_owner_comes(self, member_id: str, domain: str) -> None:
        self.owners.setdefault(member_id, MemberFact(member_id, "owner", domain))

    @rule(member_id=st.sampled_from(["ada", "grace"]), how=st.sampled_from(["role", "deactivate", "erase"]))
    def an_owner_goes(self, member_id: str, how: str) -> None:
        owner = self.owners.get(member_id)
        if owner is None:
            return
        command = {
            "role": ChangeMember(member_id=member_id, role="viewer"),
            "deactivate": DeactivateMember(member_id=member_id),
            "erase": EraseMember(member_id=member_id),
        }[how]
        if self.attempt(lambda: self.acme.do(command, **self.known({"member": owner}))):
            del self.owners[member_id]

    @rule(hours=st.integers(1, 72), revoke=st.booleans())
    def bypass(self, hours: int, revoke: bool) -> None:
        member = MemberFact("edda", "editor", "gmail.com")
        self.ask("BypassGranted", {"email": "edda@gmail.com", "hours": hours}, member=member)
        if revoke:
            self.ask("BypassRevoked", {"email": "edda@gmail.com"}, member=member)

    @rule()
    def set_up_link(self) -> None:
        self.number += 1
        issue = IssueSetupLink(link_id=f"l{self.number}", token_hash="0" * 64)
        self.attempt(lambda: self.acme.do(issue, **self.known({})))
        use = UseSetupLink(link_id=f"l{self.number}")
        self.attempt(lambda: self.acme.do(use, **self.known({"actor": Actor("setup", "l")})))

    @rule(role=st.sampled_from(["owner", "admin", "editor", "viewer"]))
    def somebody_joins(self, role: Any) -> None:
        active = self.acme.workspace.credentials
        join = JoinMember(member_id="new", how="jit", role=role, credentials_id=active and active.credentials_id)
        done = self.attempt(lambda: self.acme.do(join, **self.known({"actor": Actor("member", "new")})))
        assert not done or role in {"editor", "viewer"}

    @invariant()
    def replay_of_what_is_recorded_gives_the_same_state(self) -> None:
        document = self.acme.workspace.to_document()
        assert self.acme.replayed().to_document() == document
        assert Workspace.from_document(document).to_document() == document
        assert document["version"] == len(self.acme.recorded)

    @invariant()
    def enforced_means_a_proven_way_in(self) -> None:
        workspace = self.acme.workspace
        if workspace.enforcement is None:
            return
        assert workspace.sso_enabled
        assert workspace.domains
        assert workspace.credentials is not None
        assert workspace.credentials.proven
        forever = replace(self.acme.rules, recent=timedelta.max)
        facts = replace(self.acme.facts, now=self.now)
        assert any(
            has_way_in(owner, workspace.credentials, workspace.domains, facts, forever)
            for owner in self.owners.values()
        )


Ledger.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestLedger = Ledger.TestCase
