"""The policy as tables: who gets in by SSO, for every combination of what can be known of a person."""

from itertools import product
from typing import Any

import pytest
from support.identity_values import Proven, credentials, uid, workspace

from service.identity.people import Evidence, Known, KnownInvitation, KnownMember, Role
from service.identity.policy import (
    Admit,
    ConfirmLink,
    Consume,
    Create,
    Link,
    Refuse,
    Verdict,
    connection_refusal,
    judge_sign_in,
)

ADA = "ada@acme.example"


def member(name: str = "ada", role: Role = "editor", **changes: Any) -> KnownMember:
    values: dict[str, Any] = {"active": True, "email": ADA, **changes}
    return KnownMember(member_id=uid(name), user_id=uid(f"user {name}"), role=role, **values)


def invitation(role: Role = "viewer", *, open: bool = True) -> KnownInvitation:  # noqa: A002 - the field's name
    return KnownInvitation(uid("invitation"), role, '"all"', open=open, email=ADA)


def verdict(known: Known, person: Proven | None = None, **state: Any) -> Verdict:
    return judge_sign_in(workspace(**state), person or Proven(), known).verdict


IDENTITIES = {"none": None, "active": member(), "deactivated": member(active=False)}
ADDRESSES = {
    "none": None,
    "same": member(linked_here=True),
    "other": member("grace"),
    "other linked": member("grace", linked_here=True),
    "deactivated": member("grace", active=False),
    "deactivated linked": member("grace", active=False, linked_here=True),
}
INVITATIONS = {"none": None, "open": invitation(), "ended": invitation(open=False)}

DEACTIVATED, CONFLICT, UNINVITED = "member_deactivated", "identity_conflict", "invitation_required"

TABLE: dict[tuple[str, str], str] = {
    # (member by identity, member by address): what follows, whatever the invitation, JIT and erasure say
    ("active", "none"): "admit",
    ("active", "same"): "admit",
    ("active", "other"): CONFLICT,
    ("active", "other linked"): CONFLICT,
    ("active", "deactivated"): DEACTIVATED,
    ("active", "deactivated linked"): DEACTIVATED,
    ("deactivated", "none"): DEACTIVATED,
    ("deactivated", "same"): DEACTIVATED,
    ("deactivated", "other"): DEACTIVATED,
    ("deactivated", "other linked"): DEACTIVATED,
    ("deactivated", "deactivated"): DEACTIVATED,
    ("deactivated", "deactivated linked"): DEACTIVATED,
    ("none", "other"): "link",
    ("none", "other linked"): CONFLICT,
    ("none", "deactivated"): DEACTIVATED,
    ("none", "deactivated linked"): DEACTIVATED,
}
NEWCOMERS: dict[tuple[str, bool, bool], str] = {
    # (invitation, just-in-time creation, erased before): what follows for an unknown identity and address
    ("open", True, False): "consume",
    ("open", True, True): "consume",
    ("open", False, False): "consume",
    ("open", False, True): "consume",
    ("ended", True, False): UNINVITED,
    ("ended", True, True): UNINVITED,
    ("ended", False, False): UNINVITED,
    ("ended", False, True): UNINVITED,
    ("none", True, False): "create",
    ("none", True, True): UNINVITED,
    ("none", False, False): UNINVITED,
    ("none", False, True): UNINVITED,
}


def word(given: Verdict) -> str:
    return given.reason if isinstance(given, Refuse) else type(given).__name__.lower()


@pytest.mark.parametrize("erased", [False, True])
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("by_identity", "by_email"), TABLE)
def test_match_identity_then_address(by_identity: str, by_email: str, jit: bool, erased: bool) -> None:
    """Identity, then address; deactivated on either refuses; neither JIT nor an invitation changes that."""
    for invited in INVITATIONS.values():
        known = Known(IDENTITIES[by_identity], ADDRESSES[by_email], invited, erased)
        assert word(verdict(known, jit_enabled=jit)) == TABLE[by_identity, by_email]


def test_the_tables_leave_no_combination_out() -> None:
    impossible = {("none", "same"), ("none", "none")}
    assert set(TABLE) == set(product(IDENTITIES, ADDRESSES)) - impossible
    assert set(NEWCOMERS) == set(product(INVITATIONS, [True, False], [True, False]))


@pytest.mark.parametrize(("invited", "jit", "erased"), NEWCOMERS)
def test_a_newcomer_needs_an_invitation_or_just_in_time_creation(invited: str, jit: bool, erased: bool) -> None:
    """Invited: consumed. Unknown: created with JIT, else asked to get an invitation. An ended one suspends JIT."""
    known = Known(invitation=INVITATIONS[invited], erased=erased)
    assert word(verdict(known, jit_enabled=jit)) == NEWCOMERS[invited, jit, erased]


EVERY_KNOWN = [
    Known(identity, address, invited, erased)
    for identity, address, invited, erased in product(
        IDENTITIES.values(), ADDRESSES.values(), INVITATIONS.values(), [False, True]
    )
]

FOREIGN = {
    "B3 look-alike": "ada@evil-acme.example",
    "B3 suffix": "ada@acme.example.evil.example",
    "B3 subdomain": "ada@sub.acme.example",
    "B3 prefix": "ada@acme.exampl",
    "B7 another tenant's domain": "ceo@globex.example",
}
NO_ADDRESS = {
    "B3 root dot": "ada@acme.example.",
    "B3 quoted": '"x@acme.example"@evil.example',
    "B3 two": "ada@acme.example@evil.example",
    "B3 line break": "ada@evil.example\n@acme.example",
    "B3 NUL": "ada\0@acme.example",
    "B3 leading space": " ada@acme.example",
    "B3 trailing space": "ada@acme.example ",
    "B3 empty domain": "ada@",
    "C12 empty": "",
    "C12 list": "ada@acme.example,grace@acme.example",
    "C12 no at": "acme.example",
    "C12 too long": "a" * 300 + "@acme.example",
    "C13 homograph": "ada@\u0430\u0441me.example",
    "C13 full width": "\uff41da@acme.example",
    "C13 zero width": "a\u200bda@acme.example",
    "C13 dotless": "ad\u0131@acme.example",
    "C13 right to left": "\u202eada@acme.example",
}


@pytest.mark.parametrize("address", FOREIGN.values(), ids=FOREIGN)
def test_the_domain_is_checked_first_and_on_every_branch(address: str) -> None:
    """Whoever the person turns out to be, an address outside the allowed domains is refused for its domain."""
    for known in EVERY_KNOWN:
        judged = judge_sign_in(workspace(), Proven(email=address), known)
        assert word(judged.verdict) == "domain_not_allowed"
        assert "identity" not in judged.checks


@pytest.mark.parametrize("address", NO_ADDRESS.values(), ids=NO_ADDRESS)
def test_an_e_mail_must_be_exactly_one_address(address: str) -> None:
    for known in EVERY_KNOWN:
        judged = judge_sign_in(workspace(), Proven(email=address), known)
        assert word(judged.verdict) == "email_missing"
        assert "identity" not in judged.checks


def test_a_removed_domain_suspends_its_identities_until_it_is_added_again() -> None:
    """Removing a domain refuses its people at their next sign-in, the linked ones as well."""
    known = Known(by_identity=member())
    assert word(verdict(known, domains={})) == "domain_not_allowed"
    assert word(verdict(known)) == "admit"


@pytest.mark.parametrize("claim", [True, False, "true", "false", 0, 1, None, [], {}], ids=repr)
@pytest.mark.parametrize("policy", ["ignore", "require"])
def test_only_json_true_counts_as_a_verified_address(policy: str, claim: object) -> None:
    """C14: under ``require`` nothing but JSON true is a yes; under ``ignore`` the claim says nothing."""
    judged = judge_sign_in(
        workspace(credentials=credentials(email_verified=policy)),
        Proven(email_verified_claim=claim),
        Known(by_identity=member()),
    )
    refused = policy == "require" and claim is not True
    assert word(judged.verdict) == ("email_unverified" if refused else "admit")
    assert judged.checks["email_verified"] == ("ignored" if policy == "ignore" else "failed" if refused else "ok")


ROLES: tuple[Role, ...] = ("owner", "admin", "editor", "viewer")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("before", [False, True], ids=["first link", "new issuer"])
@pytest.mark.parametrize("evidence", [None, "session", "mailed_link", "of another"])
def test_owners_and_admins_are_never_linked_by_address_alone(role: Role, before: bool, evidence: Any) -> None:
    """The first link under each issuer needs the owner's or admin's live session or a click mailed to them."""
    found = member(role=role, linked_before=before)
    shown = evidence and Evidence(uid("grace") if evidence == "of another" else found.member_id, "session")
    if evidence == "mailed_link":
        shown = Evidence(found.member_id, "mailed_link")
    given = verdict(Known(by_email=found, evidence=shown))
    if evidence in {"session", "mailed_link"}:
        assert given == Link(found, evidence)
    elif role in {"owner", "admin"}:
        assert given == ConfirmLink(found)
    else:
        assert given == Link(found, "email")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("clicked", [False, True])
def test_an_invitation_gives_its_role_and_a_privileged_one_needs_a_click(role: Role, clicked: bool) -> None:
    found = invitation(role)
    evidence = Evidence(found.invitation_id, "mailed_link") if clicked else None
    expected = Consume(found) if clicked or role not in {"owner", "admin"} else ConfirmLink(found)
    assert verdict(Known(invitation=found, evidence=evidence)) == expected


@pytest.mark.parametrize("role", ROLES)
def test_a_known_identity_of_any_role_needs_nothing_more(role: Role) -> None:
    assert verdict(Known(by_identity=member(role=role))) == Admit(member(role=role), address_changed=False)


@pytest.mark.parametrize(("recorded", "role"), [("editor", "editor"), ("viewer", "viewer"), ("owner", "editor")])
def test_just_in_time_creation_makes_editors_or_viewers_and_nothing_more(recorded: str, role: Role) -> None:
    assert verdict(Known(), jit_role=recorded) == Create(role)


def test_a_changed_address_follows_the_identity() -> None:
    """Same identity, new address of an allowed domain: the same member, whose address changes."""
    found = member(email="ada.king@acme.example")
    assert verdict(Known(by_identity=found)) == Admit(found, address_changed=True)


@pytest.mark.parametrize("address", ["Ada@ACME.example", "ADA@acme.example"])
def test_addresses_compare_without_case_and_keep_how_they_were_given(address: str) -> None:
    judged = judge_sign_in(workspace(), Proven(email=address), Known())
    assert isinstance(judged.verdict, Create)
    assert judged.address is not None
    assert (judged.address.key, judged.address.display) == (ADA, address)


def test_nothing_is_stripped_from_an_address() -> None:
    judged = judge_sign_in(workspace(), Proven(email="a.da+tag@acme.example"), Known())
    assert judged.address is not None
    assert judged.address.key == "a.da+tag@acme.example"


def test_the_checks_are_listed_in_the_order_in_which_they_were_made() -> None:
    judged = judge_sign_in(workspace(), Proven(), Known())
    assert list(judged.checks) == [
        "address", "domain", "email_verified", "identity", "email", "invitation", "just_in_time",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "credentials_id", "reason"),
    [
        ({}, "c-1", None),
        ({}, "c-0", "attempt_expired"),
        ({"sso_enabled": False}, "c-1", "workspace_unavailable"),
        ({"credentials": None}, "c-1", "workspace_unavailable"),
        ({"closed": True}, "c-1", "workspace_unavailable"),
        ({"staged": credentials(credentials_id="c-2")}, "c-2", "attempt_expired"),
        ({"former": credentials(credentials_id="c-0")}, "c-0", "attempt_expired"),
    ],
)
def test_an_attempt_signs_in_only_under_the_active_credentials(
    changes: dict[str, Any], credentials_id: str, reason: str | None
) -> None:
    """Attempts under discarded, removed, former or staged credentials are refused, and so is SSO switched off."""
    refused = connection_refusal(workspace(**changes), credentials_id)
    assert (refused.reason if refused else None) == reason
