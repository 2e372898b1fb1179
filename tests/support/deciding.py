"""A workspace under test: commands are decided on its state, and what they cause is taken in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

from events.commands import Command, parse_command
from events.commands.configuration import RegisterWorkspace
from events.commands.credentials import ProveConnection
from events.decisions import Facts, MemberFact, ResolvedCredentials, Rules, SsoLink, decide
from events.envelope import Actor, Context, Prepared, prepare
from events.refusals import Refusal
from events.workspace import Workspace

NOW = datetime(2026, 11, 25, 13, 0, tzinfo=UTC)
STAFF = Actor("token", "support-desk")
ISSUER = "https://acme.okta.com"
ADA = MemberFact("ada", "owner", "acme.example", links=(SsoLink(ISSUER, "", NOW - timedelta(days=1)),))
"""An owner who signed in by SSO yesterday."""


def resolved(credentials_id: str = "c1", **changes: Any) -> ResolvedCredentials:
    """Return new credentials of Acme's Okta, as discovery and sealing would."""
    credentials = ResolvedCredentials(
        credentials_id=credentials_id,
        provider_kind="okta",
        issuer=ISSUER,
        client_id="0oa1example",
        secret_id=f"s-{credentials_id}",
        secret_digest="0" * 64,
        secret_fingerprint=f"print-{credentials_id}",
        auth_method="client_secret_basic",
        email_verified="ignore",
    )
    return replace(credentials, **changes)


TYPED = {"okta_domain": "acme.okta.com", "client_id": "0oa1example", "client_secret": "correct horse"}


class Deciding:
    """One workspace, its recorded events and the facts that hold unless a test says otherwise."""

    def __init__(self, rules: Rules | None = None, **facts: Any) -> None:
        self.workspace = Workspace("acme")
        self.recorded: list[Prepared] = []
        self.rules = rules or Rules()
        self.facts = Facts(**{"now": NOW, "actor": STAFF, "reason": "asked by Grace", "owners": (ADA,), **facts})

    def do(self, command: Command, **facts: Any) -> list[str]:
        """Decide and take in; return the types of the events."""
        events = decide(self.workspace, command, replace(self.facts, **facts), self.rules)
        first = len(self.recorded) + 1
        context = Context(self.facts.actor, self.facts.reason)
        prepared = [prepare(event, context, UUID(int=first + index)) for index, event in enumerate(events)]
        self.workspace = self.workspace.after(prepared)
        self.recorded += prepared
        return [event.type for event in events]

    def emit(self, type_: str, data: dict[str, Any] | None = None, **facts: Any) -> list[str]:
        """Decide what support tooling emits, and take it in."""
        return self.do(parse_command(type_, data or {}), **facts)

    def refusal(self, command: Command | str, data: dict[str, Any] | None = None, **facts: Any) -> Refusal:
        """Return the refusal of a command, having seen that it left the state alone."""
        before = self.workspace.to_document()
        try:
            caused = self.emit(command, data, **facts) if isinstance(command, str) else self.do(command, **facts)
        except Refusal as refusal:
            assert self.workspace.to_document() == before
            return refusal
        raise AssertionError(f"not refused, but recorded {caused}")

    def registered(self, plan: str = "one") -> Self:
        """Register the workspace."""
        self.do(RegisterWorkspace(slug="acme", name="Acme", plan=plan))
        return self

    def with_sso(self) -> Self:
        """Register the workspace and enable SSO, unproven."""
        self.registered()
        self.emit("DomainAdded", {"domain": "acme.example"})
        self.emit("CredentialsSet", TYPED, credentials=resolved())
        self.emit("SsoEnabled")
        return self

    def proven(self) -> Self:
        """Prove the active credentials."""
        self.prove("c1")
        return self

    def enforced(self, **data: Any) -> Self:
        """Register the workspace, enable SSO, prove it and require it."""
        self.with_sso().proven().emit("EnforcementEnabled", data)
        return self

    def prove(self, credentials_id: str) -> list[str]:
        """Record a successful test."""
        return self.do(ProveConnection(credentials_id=credentials_id, by="test"), actor=Actor("member", "ada"))

    def replayed(self) -> Workspace:
        """Return the state that the recorded events give from the beginning."""
        return Workspace("acme").after(self.recorded)
