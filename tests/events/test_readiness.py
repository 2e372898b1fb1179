"""Readiness: what is missing before SSO and before enforcement, and whom enforcement would affect."""

from dataclasses import replace

from support.deciding import ADA, ISSUER, NOW, Deciding

from events.decisions import SENTENCES, InvitationFact, MemberFact, Rules, SsoLink, readiness
from events.workspace import Workspace


def test_a_new_workspace_hears_everything_at_once() -> None:
    acme = Deciding(Rules(require_verified_domains=True), owners=()).registered(plan="starter")
    answer = readiness(acme.workspace, acme.facts, acme.rules)
    assert answer.sso == ("plan", "domain", "credentials", "verified_domain")
    assert answer.enforcement == ("plan", "domain", "sso", "proof", "owner")
    assert {*answer.sso, *answer.enforcement} == set(SENTENCES)


def test_nothing_is_missing_exactly_when_the_command_is_granted() -> None:
    acme = Deciding().with_sso().proven()
    answer = readiness(acme.workspace, acme.facts, acme.rules)
    assert (answer.sso, answer.enforcement) == ((), ())
    assert acme.emit("EnforcementEnabled") == ["EnforcementEnabled"]


def test_domains_without_shown_ownership_are_named_even_where_it_is_no_condition() -> None:
    acme = Deciding().with_sso()
    acme.emit("DomainAdded", {"domain": "b.example", "verified": "support"})
    assert readiness(acme.workspace, acme.facts, acme.rules).unverified_domains == ("acme.example",)


def test_readiness_lists_whom_enforcement_would_affect() -> None:
    acme = Deciding().with_sso()
    link = SsoLink(ISSUER, "", NOW)
    members = (
        ADA,
        MemberFact("guest", "owner", "gmail.com", links=(link,)),
        MemberFact("never", "editor", "acme.example"),
        MemberFact("other", "viewer", "acme.example", links=(replace(link, issuer="https://old.okta.com"),)),
        MemberFact("gone", "owner", "gmail.com", active=False),
        MemberFact("idle", "owner", "acme.example", links=(replace(link, last_success_at=None),)),
    )
    invitations = (InvitationFact("i1", "viewer", "acme.example"), InvitationFact("i2", "owner", "gmail.com"))
    facts = replace(acme.facts, members=members, invitations=invitations)
    affected = readiness(acme.workspace, facts, acme.rules).affected
    assert affected.outside_domains == ("guest",)
    assert affected.never_by_sso == ("never", "other", "idle")
    assert affected.owners == ("guest", "idle")
    assert affected.open_invitations == ("i1", "i2")
    assert affected.invitations_outside_domains == ("i2",)


def test_without_credentials_everybody_never_signed_in() -> None:
    workspace = Workspace("acme")
    acme = Deciding(members=(ADA,))
    assert readiness(workspace, acme.facts, acme.rules).affected.never_by_sso == ("ada",)
