"""Commands about the workspace itself: registration, plan, domains, just-in-time creation."""

from typing import ClassVar, Literal

from events.catalogue.event_data import JitRole, Name, Plan, Slug
from events.commands.command import Command, DomainText


class RegisterWorkspace(Command):
    """Create the workspace."""

    emits: ClassVar[str] = "WorkspaceRegistered"

    slug: Slug
    name: Name
    plan: Plan


class ChangePlan(Command):
    """Put the workspace on another plan; leaving the SSO plans lifts enforcement and disables SSO with it."""

    emits: ClassVar[str] = "WorkspacePlanChanged"

    plan: Plan


class CloseWorkspace(Command):
    """Close the workspace for good."""

    emits: ClassVar[str] = "WorkspaceClosed"


class AddDomain(Command):
    """Allow an e-mail domain. ``verified``: its ownership was shown to support, and is recorded along with it."""

    emits: ClassVar[str] = "DomainAdded"

    domain: DomainText
    verified: Literal["support"] | None = None


class RemoveDomain(Command):
    """Allow an e-mail domain no longer."""

    emits: ClassVar[str] = "DomainRemoved"

    domain: DomainText


class VerifyDomain(Command):
    """Record that ownership of an allowed domain was shown."""

    emits: ClassVar[str] = "DomainVerified"

    domain: DomainText
    method: Literal["dns_txt", "support"] = "support"


class EnableJit(Command):
    """Create unknown people of an allowed domain at their first sign-in."""

    emits: ClassVar[str] = "JitEnabled"

    role: JitRole = "editor"


class DisableJit(Command):
    """Let only invited people in."""

    emits: ClassVar[str] = "JitDisabled"


class EnableProviderLogout(Command):
    """Sign people out at the provider too when they sign out here."""

    emits: ClassVar[str] = "ProviderLogoutEnabled"


class DisableProviderLogout(Command):
    """Leave the session at the provider alone."""

    emits: ClassVar[str] = "ProviderLogoutDisabled"
