"""The state of a workspace: it follows from the recorded events alone, and names what it cannot read."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from support.golden_events import golden_events

from events.catalogue import SYSTEM_TYPES, WORKSPACE_TYPES
from events.envelope import Actor, Recorded
from events.workspace import UnreadableEvent, Workspace, replay
from events.workspace_fold import FOLDS, SETUP_LINKS_KEPT

GOLDEN = {example["type"]: example for example in golden_events()}


def recorded(type_: str, version: int, data: dict[str, Any] | None = None, schema_version: int = 1) -> Recorded:
    return Recorded(
        position=version * 10,
        event_id=UUID(int=version),
        stream_id="acme",
        version=version,
        leaf_index=version,
        type=type_,
        schema_version=schema_version,
        data=GOLDEN[type_]["data"] if data is None else data,
        actor=Actor("token", "t1"),
        reason=None,
        correlation_id=None,
        causation_id=None,
        idempotency_key=None,
        requested_by=None,
        ticket=None,
        recorded_at=datetime(2026, 11, 25, tzinfo=UTC),
        hash=b"",
    )


FULL = [
    "WorkspaceRegistered",
    "DomainAdded",
    "DomainVerified",
    "JitEnabled",
    "CredentialsSet",
    "ConnectionProven",
    "SsoEnabled",
    "EnforcementEnabled",
    "EnforcementConfirmed",
    "CredentialsStaged",
    "CredentialsPromoted",
    "CredentialsStaged",
    "BypassGranted",
    "SetupLinkIssued",
    "SetupLinkUsed",
    "RecoveryCodesIssued",
    "ProviderLogoutEnabled",
    "MemberInvited",
    "MemberJoined",
]


def full() -> Workspace:
    return replay("acme", [recorded(type_, version) for version, type_ in enumerate(FULL, 1)])


def test_every_type_of_a_workspaces_stream_can_be_folded_and_no_other() -> None:
    assert FOLDS.keys() == {kind.type_name() for kind in WORKSPACE_TYPES}
    assert not FOLDS.keys() & {kind.type_name() for kind in SYSTEM_TYPES}


@pytest.mark.parametrize("type_", sorted(FOLDS))
def test_every_golden_event_folds_into_an_empty_and_into_a_full_workspace(type_: str) -> None:
    for state in (Workspace("acme"), full()):
        state.apply_recorded(recorded(type_, state.version + 1))
        assert Workspace.from_document(state.to_document()).to_document() == state.to_document()


def test_version_and_position_are_those_of_the_last_event_whatever_its_type() -> None:
    state = full()
    assert (state.version, state.position) == (len(FULL), len(FULL) * 10)


def test_member_events_move_the_version_and_change_nothing_else() -> None:
    state = full()
    before = state.to_document()
    for type_ in ("MemberInvited", "MemberJoined", "MemberRoleChanged", "MemberReactivated", "IdentityRelinked"):
        state.apply_recorded(recorded(type_, state.version + 1))
    assert state.to_document() == {**before, "version": len(FULL) + 5}


def test_the_read_model_survives_json_and_comes_back_as_the_same_state() -> None:
    document = full().to_document()
    back = Workspace.from_document(json.loads(json.dumps(document, sort_keys=True)), position=7)
    assert back.to_document() == document
    assert back.position == 7


def test_a_copy_changes_independently() -> None:
    state = full()
    before = state.to_document()
    twin = state.copy()
    for version, type_ in enumerate(sorted(FOLDS), state.version + 1):
        twin.apply_recorded(recorded(type_, version))
    assert state.to_document() == before


@pytest.mark.parametrize(
    ("type_", "schema_version"),
    [("ThingHappened", 1), ("DomainAdded", 2), ("MemberJoined", 2), ("DomainAdded", 0), ("ApiTokenCreated", 1)],
)
def test_an_event_of_a_newer_program_names_its_stream_and_position(type_: str, schema_version: int) -> None:
    state = full()
    before = state.to_document()
    with pytest.raises(UnreadableEvent) as caught:
        state.apply_recorded(recorded(type_, 99, {}, schema_version))
    assert (caught.value.stream_id, caught.value.position) == ("acme", 990)
    assert (caught.value.type, caught.value.schema_version) == (type_, schema_version)
    assert state.to_document() == before


LOOKS_AT_NO_DATA = {
    "CredentialsPromoted",
    "CredentialsRolledBack",
    "CredentialsDiscarded",
    "CredentialsRemoved",
    "SecretsShredded",
    "SsoDisabled",
    "EnforcementConfirmed",
    "EnforcementDisabled",
}
LOOKS_AT_DATA = {type_ for type_, (fold, _) in FOLDS.items() if fold and GOLDEN[type_]["data"]} - LOOKS_AT_NO_DATA


@pytest.mark.parametrize("type_", sorted(LOOKS_AT_DATA))
def test_data_that_do_not_fit_leave_the_state_alone(type_: str) -> None:
    state = full()
    before = state.to_document()
    with pytest.raises(UnreadableEvent):
        state.apply_recorded(recorded(type_, 99, {}))
    assert state.to_document() == before


def test_a_lapse_lifts_only_the_enforcement_that_it_names() -> None:
    state = full()
    assert state.enforcement is not None
    began = state.enforcement.event_id
    state.apply_recorded(recorded("EnforcementLapsed", 90, {"lifted_event_id": "another"}))
    assert state.enforcement is not None
    state.apply_recorded(recorded("EnforcementLapsed", 91, {"lifted_event_id": began}))
    assert state.enforcement is None


def test_promotion_keeps_the_former_credentials_for_one_rollback() -> None:
    state = replay("acme", [recorded(type_, version) for version, type_ in enumerate(FULL[:11], 1)])
    assert state.former is not None
    assert state.credentials is not None
    former, promoted = state.former, state.credentials
    assert (former.issuer, promoted.issuer) == (
        "https://acme.okta.com",
        "https://login.acme.example/oauth2/default",
    )
    assert (promoted.proven, promoted.subject_scope, former.subject_scope) == (False, promoted.client_id, "")
    state.apply_recorded(recorded("CredentialsRolledBack", 12))
    assert state.credentials == former
    assert state.former is None


def test_new_credentials_are_unproven_and_cannot_be_rolled_back() -> None:
    state = full()
    state.apply_recorded(recorded("CredentialsSet", 90))
    assert state.credentials is not None
    assert not state.credentials.proven
    assert state.former is None


def test_verifying_a_removed_domain_does_not_allow_it_again() -> None:
    state = full()
    domain = GOLDEN["DomainVerified"]["data"]["domain"]
    assert not state.allows(domain)


def test_a_bypass_ends_with_its_time_its_revocation_and_its_member() -> None:
    state = full()
    member_id = GOLDEN["BypassGranted"]["data"]["member_id"]
    end = datetime.fromisoformat(GOLDEN["BypassGranted"]["data"]["expires_at"])
    assert state.bypass_of(member_id, end.replace(year=2025)) is not None
    assert state.bypass_of(member_id, end) is None
    for type_ in ("BypassRevoked", "MemberDeactivated", "MemberErased"):
        twin = state.copy()
        twin.apply_recorded(recorded(type_, 90))
        assert twin.bypass_of(member_id, end.replace(year=2025)) is None


def test_the_newest_set_up_links_are_known_and_older_ones_open_nothing() -> None:
    state = full()
    data = GOLDEN["SetupLinkIssued"]["data"]
    for number in range(SETUP_LINKS_KEPT + 5):
        state.apply_recorded(recorded("SetupLinkIssued", 100 + number, {**data, "link_id": f"n{number}"}))
    assert list(state.setup_links) == [f"n{number}" for number in range(5, SETUP_LINKS_KEPT + 5)]
    assert list(Workspace.from_document(state.to_document()).setup_links) == list(state.setup_links)
