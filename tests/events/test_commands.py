"""What support tooling emits: the same names as the events, bounded, and silent about secrets."""

from typing import Any

import pytest

from events.catalogue import CATALOGUE, WORKSPACE_TYPES
from events.commands import COMMANDS, EMITTABLE, parse_command
from events.commands.credentials import NewCredentials, SetCredentials
from events.decisions.decide import _DECISIONS
from events.refusals import Refusal

TYPED = {"okta_domain": "acme.okta.com", "client_id": "0oa1example", "client_secret": "correct horse"}


def test_every_event_of_a_workspace_has_its_command_and_every_command_its_decision() -> None:
    assert COMMANDS.keys() == {kind.type_name() for kind in WORKSPACE_TYPES}
    assert set(_DECISIONS) == {kind for name, kind in COMMANDS.items() if name != "WorkspaceRegistered"}
    assert COMMANDS.keys() > EMITTABLE


@pytest.mark.parametrize("type_", sorted(set(CATALOGUE) - EMITTABLE))
def test_what_only_the_service_records_cannot_be_emitted(type_: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_command(type_, {})
    assert caught.value.code == "forbidden"
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("type_", ["DomainAded", "", "x" * 100_000, "domainadded", "\ud800"])
def test_an_unknown_type_is_named_as_such(type_: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_command(type_, {})
    assert caught.value.code == "event_type_unknown"
    assert len(caught.value.message) < 100


def test_a_typing_error_in_the_type_or_a_member_is_answered_with_what_was_meant() -> None:
    with pytest.raises(Refusal, match="DomainAdded"):
        parse_command("DomainAded", {})
    with pytest.raises(Refusal) as caught:
        parse_command("DomainAdded", {"domain_name": "acme.example"}, "/0")
    assert [error["pointer"] for error in caught.value.details["errors"]] == ["/0/data/domain", "/0/data/domain_name"]  # type: ignore[attr-defined]
    assert "domain" in caught.value.details["errors"][1]["detail"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("DomainAdded", {"domain": 5}),
        ("DomainAdded", {"domain": "a" * 301}),
        ("DomainAdded", {"domain": "acme.example", "verified": "dns_txt"}),
        ("DomainVerified", {"domain": "acme.example", "method": "mail"}),
        ("JitEnabled", {"role": "owner"}),
        ("JitEnabled", {"role": "admin"}),
        ("SsoEnabled", {"reason": "x"}),
        ("SsoEnabled", []),
        ("SsoDisabled", {"reason": "x" * 1001}),
        ("EnforcementEnabled", {"confirm_within": 4}),
        ("EnforcementEnabled", {"confirm_within": 10081}),
        ("EnforcementEnabled", {"confirm_within": True}),
        ("EnforcementEnabled", {"confirm_within": 5.5}),
        ("BypassGranted", {"email": "ada@acme.example"}),
        ("BypassGranted", {"email": "ada@acme.example", "hours": 73}),
        ("BypassGranted", {"email": "ada@acme.example", "hours": 1, "expires_at": "2026-11-25T13:00:00Z"}),
        ("BypassGranted", {"email": "ada@acme.example", "expires_at": "2026-11-25T13:00:00"}),
        ("BypassGranted", {"email": "ada@acme.example", "expires_at": "tomorrow"}),
        ("CredentialsSet", {**TYPED, "issuer": "https://acme.okta.com"}),
        ("CredentialsSet", {"client_id": "a", "client_secret": "b"}),
        ("CredentialsSet", {**TYPED, "provider_kind": "oidc"}),
        ("CredentialsSet", {**TYPED, "provider_kind": "saml"}),
        ("CredentialsSet", {**TYPED, "client_id": ""}),
        ("CredentialsSet", {**TYPED, "client_id": "a\nb"}),
        ("CredentialsSet", {**TYPED, "auth_method": "none"}),
        ("WorkspacePlanChanged", {"plan": "One plan"}),
    ],
)
def test_wrong_data_are_refused_with_a_pointer_and_a_sentence(type_: str, data: Any) -> None:
    with pytest.raises(Refusal) as caught:
        parse_command(type_, data)
    assert caught.value.code == "data_invalid"
    errors = caught.value.details["errors"]
    assert isinstance(errors, list)
    assert all(error["pointer"].startswith("/data") and error["detail"].endswith((".", "?")) for error in errors)


@pytest.mark.parametrize(
    "secret", ["", " ", "x" * 1025, "hush\u2028hush", "hush-hush-hush\x00", 12345678, None, ["hush-hush"]]
)
def test_a_refused_secret_is_in_no_part_of_the_refusal(secret: Any) -> None:
    with pytest.raises(Refusal) as caught:
        parse_command("CredentialsSet", {**TYPED, "client_secret": secret, "extra": 1})
    shown = f"{caught.value!r} {caught.value} {dict(caught.value.details)}"
    assert "hush" not in shown
    assert "12345678" not in shown
    assert "xxxx" not in shown
    assert caught.value.__cause__ is None


def test_a_secret_shows_in_no_text_of_a_command_and_is_trimmed_as_pasted() -> None:
    command = parse_command("CredentialsSet", {**TYPED, "client_secret": " correct horse\n"})
    assert isinstance(command, SetCredentials)
    assert "horse" not in f"{command!r} {command} {command.model_dump()} {command.model_dump_json()}"
    assert command.client_secret.get_secret_value() == "correct horse"


def test_what_is_left_out_of_credentials_follows_from_the_provider() -> None:
    okta = parse_command("CredentialsStaged", TYPED)
    other = parse_command(
        "CredentialsSet", {"issuer": "https://login.acme.example", "client_id": "a", "client_secret": "b"}
    )
    assert isinstance(okta, NewCredentials)
    assert isinstance(other, NewCredentials)
    assert (okta.kind, okta.email_verified_policy) == ("okta", "ignore")
    assert (other.kind, other.email_verified_policy) == ("oidc", "require")


def test_a_type_without_data_may_come_without_them() -> None:
    assert parse_command("SsoEnabled", None) == parse_command("SsoEnabled", {})
