"""What an open session opens, judged anew on committed state at every request."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.identity_values import ISSUER, NOW, credentials, uid, workspace

from events.catalogue.instants import write_instant
from events.workspace_values import Bypass, Enforcement
from service.identity.authentication import Authentication
from service.identity.people import KnownMember
from service.identity.policy import may_open

MEMBER = KnownMember(uid("ada"), uid("user ada"), "editor", active=True, email="ada@acme.example")
SSO = Authentication(
    method="sso",
    at=NOW.isoformat(),
    workspace="acme",
    credentials_id="c-1",
    issuer=ISSUER,
    email="ada@acme.example",
    member_id=str(uid("ada")),
)
MAGIC = Authentication(method="magic_link", at=NOW.isoformat(), email="ada@acme.example")
UNDER_BYPASS = replace(MAGIC, bypasses={"acme": write_instant(NOW + timedelta(hours=1))})
UNDER_AN_EARLIER_ONE = replace(MAGIC, bypasses={"acme": write_instant(NOW - timedelta(hours=1))})
GOOGLE = Authentication(method="google", at=NOW.isoformat(), email="ada@acme.example")
ENFORCED = Enforcement("e-1", confirmed=True, confirm_by=None)
UNCONFIRMED = Enforcement("e-1", confirmed=False, confirm_by=NOW + timedelta(minutes=5))
LIVE = {str(uid("ada")): Bypass(NOW + timedelta(hours=1), "locked out")}
ENDED = {str(uid("ada")): Bypass(NOW, "locked out")}
OF_ANOTHER = {str(uid("grace")): Bypass(NOW + timedelta(hours=1), "locked out")}
NEW_CREDENTIALS = credentials(credentials_id="c-2")
NEW_ISSUER = credentials(credentials_id="c-2", issuer="https://login.acme.example")


@pytest.mark.parametrize("enforced", [None, UNCONFIRMED, ENFORCED], ids=["free", "unconfirmed", "enforced"])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"credentials": NEW_CREDENTIALS}, None),
        ({"credentials": NEW_ISSUER}, "method_not_allowed"),
        ({"credentials": None}, "method_not_allowed"),
        ({"sso_enabled": False}, "method_not_allowed"),
        ({"domains": {}}, "domain_not_allowed"),
        ({"closed": True}, "workspace_unavailable"),
        ({"slug": "globex"}, "method_not_allowed"),
    ],
    ids=[
        "stands",
        "new secret",
        "new issuer",
        "no credentials",
        "sso off",
        "domain removed",
        "closed",
        "other workspace",
    ],
)
def test_a_session_by_sso_opens_its_workspace_while_what_it_was_made_with_stands(
    changes: dict[str, Any], reason: str | None, enforced: Enforcement | None
) -> None:
    """SSO still on, the issuer still active, the asserted domain still allowed; and only the connection's workspace."""
    state = workspace(**{"enforcement": enforced, **changes})
    assert may_open(state, SSO, MEMBER, NOW) == reason


@pytest.mark.parametrize("authentication", [SSO, MAGIC, GOOGLE], ids=["sso", "magic link", "google"])
def test_deactivation_voids_every_authentication(authentication: Authentication) -> None:
    assert may_open(workspace(), authentication, replace(MEMBER, active=False), NOW) == "member_deactivated"


def test_a_bypass_opens_nothing_by_sso() -> None:
    """A bypass does not revive an authentication by SSO that is void."""
    state = workspace(enforcement=ENFORCED, bypasses=LIVE, credentials=NEW_ISSUER)
    assert may_open(state, SSO, MEMBER, NOW) == "method_not_allowed"


@pytest.mark.parametrize(
    "authentication",
    [MAGIC, UNDER_BYPASS, UNDER_AN_EARLIER_ONE, GOOGLE, replace(GOOGLE, bypasses=UNDER_BYPASS.bypasses)],
    ids=["magic link", "under the bypass", "under an earlier bypass", "google", "google under the bypass"],
)
@pytest.mark.parametrize(
    ("enforced", "bypasses"),
    [(e, b) for e in (None, UNCONFIRMED, ENFORCED) for b in ({}, LIVE, ENDED, OF_ANOTHER)],
)
def test_while_enforced_only_a_live_bypass_by_magic_link_opens(
    authentication: Authentication, enforced: Enforcement | None, bypasses: dict[str, Bypass]
) -> None:
    """Enforced: SSO, or the live bypass under which the link was used; a session ends with its bypass."""
    opens = enforced is None or (bypasses is LIVE and authentication is UNDER_BYPASS)
    state = workspace(enforcement=enforced, bypasses=bypasses)
    assert may_open(state, authentication, MEMBER, NOW) == (None if opens else "method_not_allowed")


def test_an_authentication_of_another_member_opens_nothing() -> None:
    assert may_open(workspace(), replace(SSO, member_id=str(uid("grace"))), MEMBER, NOW) == "method_not_allowed"
