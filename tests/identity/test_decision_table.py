"""Every combination of what decides who gets in, against a second, plainer telling of the same rules.

The oracle knows words only, and none of the policy's code: what it says of a combination is what people are promised.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from typing import Any, Final

import pytest
from support.identity_values import ISSUER, NOW, Proven, credentials, uid, workspace

from events.catalogue.instants import write_instant
from events.workspace import Workspace
from events.workspace_values import Bypass, Enforcement
from service.identity.authentication import Authentication
from service.identity.people import Known, KnownInvitation, KnownMember, Method
from service.identity.policy import Refuse, Verdict, may_open, may_sign_in, may_sign_in_by_sso

METHODS: Final[tuple[Method, ...]] = ("sso", "google", "magic_link", "recovery")
CONNECTIONS: Final = ("no sso", "sso on", "new secret", "new issuer", "removed domain")
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Case:
    """One combination, in words. ``role`` is the member's, or the one that the invitation gives."""

    enforcement: str
    membership: str
    role: str
    bypass: str
    plan: str
    connection: str
    invitation: str
    jit: bool


CASES: Final = [
    Case(*values)
    for values in product(
        ("off", "unconfirmed", "confirmed"),
        ("none", "active", "deactivated", "erased"),
        ("owner", "editor"),
        ("none", "live", "expired"),
        ("one", "free"),
        CONNECTIONS,
        ("none", "open", "revoked", "expired"),
        (True, False),
    )
]


def promised_by_sso(case: Case) -> str:
    """What somebody is promised who comes by SSO, with an attempt that was begun when SSO was on."""
    answers = {"no sso": "workspace_unavailable", "removed domain": "domain_not_allowed"}
    if case.connection in {"new secret", "new issuer"}:
        return "attempt_expired"
    if case.connection in answers:
        return answers[case.connection]
    if case.membership in {"active", "deactivated"}:
        return "admitted" if case.membership == "active" else "member_deactivated"
    if case.invitation != "none":
        joins = "asked for a click" if case.role == "owner" else "joined by invitation"
        return joins if case.invitation == "open" else "invitation_required"
    return "created" if case.jit and case.membership != "erased" else "invitation_required"


def promised_otherwise(method: Method, case: Case) -> str:
    """What somebody is promised who has proven to be a user: SSO being on or off has no say, being required has."""
    required = case.enforcement != "off"
    if case.membership == "deactivated":
        return "member_deactivated"
    if method == "recovery":
        return "admitted" if (case.membership, case.role) == ("active", "owner") else "method_not_allowed"
    if case.membership == "active":
        passes = not required or (method == "magic_link" and case.bypass == "live")
        return "admitted" if passes else "method_not_allowed"
    if case.invitation != "open":
        return "invitation_required"
    if required:
        return "method_not_allowed"
    return "asked for a click" if method == "google" and case.role == "owner" else "joined by invitation"


def promised_to_a_session(method: Method, case: Case) -> str:
    """What a session is promised that a member had opened before all this came about."""
    if case.membership == "deactivated":
        return "member_deactivated"
    if method == "recovery":
        return "method_not_allowed"
    if method == "sso":
        shut = {
            "no sso": "method_not_allowed",
            "new issuer": "method_not_allowed",
            "removed domain": "domain_not_allowed",
        }
        return shut.get(case.connection, "opened")
    if case.enforcement == "off" or (method == "magic_link" and case.bypass == "live"):
        return "opened"
    return "method_not_allowed"


def state_of(case: Case) -> Workspace:
    ends = {"live": NOW + HOUR, "expired": NOW}.get(case.bypass)
    states: dict[str, dict[str, Any]] = {
        "sso on": {},
        "no sso": {"sso_enabled": False},
        "new secret": {"credentials": credentials(credentials_id="c-2")},
        "new issuer": {"credentials": credentials(credentials_id="c-2", issuer="https://login.acme.example")},
        "removed domain": {"domains": {}},
    }
    confirmed = case.enforcement == "confirmed"
    return workspace(
        plan=case.plan,
        jit_enabled=case.jit,
        enforcement=None
        if case.enforcement == "off"
        else Enforcement("e-1", confirmed=confirmed, confirm_by=None if confirmed else NOW + HOUR),
        bypasses={} if ends is None else {str(uid("ada")): Bypass(ends, "phone lost")},
        **states[case.connection],
    )


def member_of(case: Case) -> KnownMember | None:
    if case.membership not in {"active", "deactivated"}:
        return None
    role: Any = case.role
    return KnownMember(uid("ada"), uid("user"), role, active=case.membership == "active", email="ada@acme.example")


def known_of(case: Case) -> Known:
    role: Any = case.role
    invitation = None
    if case.invitation != "none":
        invitation = KnownInvitation(
            uid("invitation"), role, '"all"', open=case.invitation == "open", email="ada@acme.example"
        )
    return Known(by_identity=member_of(case), invitation=invitation, erased=case.membership == "erased")


WORDS: Final = {
    "Admit": "admitted",
    "Consume": "joined by invitation",
    "ConfirmLink": "asked for a click",
    "Create": "created",
}


def told(verdict: Verdict) -> str:
    return verdict.reason if isinstance(verdict, Refuse) else WORDS[type(verdict).__name__]


def test_who_signs_in_by_sso() -> None:
    """Neither enforcement nor a bypass nor the plan decides about SSO: what is recorded of the connection does."""
    for case in CASES:
        judged = may_sign_in_by_sso(state_of(case), "c-1", Proven(), known_of(case))
        assert told(judged.verdict) == promised_by_sso(case), case


@pytest.mark.parametrize("method", [one for one in METHODS if one != "sso"])
def test_who_signs_in_otherwise(method: Any) -> None:
    """Required SSO shuts every other way but a live bypass by magic link; nobody is created but by SSO."""
    for case in CASES:
        assert told(may_sign_in(method, state_of(case), known_of(case), NOW)) == promised_otherwise(method, case), case


@pytest.mark.parametrize("method", METHODS)
def test_what_an_open_session_opens(method: Method) -> None:
    """Judged on what is recorded now, whatever held when the session was opened."""
    authentication = Authentication(method, NOW.isoformat(), email="ada@acme.example")
    if method == "sso":
        authentication = replace(
            authentication, workspace="acme", credentials_id="c-1", issuer=ISSUER, member_id=str(uid("ada"))
        )
    for case in CASES:
        state, member = state_of(case), member_of(case)
        if member is None:
            continue
        bypass = state.bypasses.get(str(uid("ada")))
        noted = {} if bypass is None else {"acme": write_instant(bypass.expires_at)}
        reason = may_open(state, replace(authentication, bypasses=noted), member, NOW)
        assert (reason or "opened") == promised_to_a_session(method, case), case


@pytest.mark.parametrize("method", METHODS)
def test_a_closed_workspace_lets_nobody_in(method: Any) -> None:
    for case in CASES:
        state = state_of(case)
        state.closed = True
        if method == "sso":
            verdict = may_sign_in_by_sso(state, "c-1", Proven(), known_of(case)).verdict
        else:
            verdict = may_sign_in(method, state, known_of(case), NOW)
        assert told(verdict) == "workspace_unavailable"


@pytest.mark.parametrize("method", ["google", "magic_link"])
def test_an_address_that_another_member_holds_joins_nobody(method: Any) -> None:
    """The workspace's provider said that address of somebody: an invitation to it is not this user's to accept."""
    other = KnownMember(uid("grace"), uid("user grace"), "editor", active=True, email="ada@acme.example")
    for case in CASES:
        if case.membership == "none":
            known = replace(known_of(case), by_email=other)
            assert told(may_sign_in(method, state_of(case), known, NOW)) == "identity_conflict"
