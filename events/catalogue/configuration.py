"""The workspace itself: its registration, plan, allowed domains, and who is created just in time."""

from typing import Literal

from events.catalogue.event_data import Domain, EventData, JitRole, Name, Plan, Slug


class WorkspaceRegistered(EventData):
    """A workspace exists from now on. Its slug is never used again, not even after it closed."""

    slug: Slug
    name: Name
    plan: Plan


class WorkspacePlanChanged(EventData):
    """The workspace is on another plan."""

    plan: Plan


class WorkspaceClosed(EventData):
    """The workspace takes no more changes, and nobody signs in to it."""


class DomainAdded(EventData):
    """Addresses of exactly this domain (a lower-case IDNA A-label) may sign in by SSO."""

    domain: Domain


class DomainRemoved(EventData):
    """Addresses of this domain may no longer sign in by SSO."""

    domain: Domain


class DomainVerified(EventData):
    """Ownership of the domain was shown, by a DNS record or to support."""

    domain: Domain
    method: Literal["dns_txt", "support"]


class JitEnabled(EventData):
    """Unknown people of an allowed domain are created at their first sign-in, with this role and all websites."""

    role: JitRole


class JitDisabled(EventData):
    """Unknown people need an invitation."""


class ProviderLogoutEnabled(EventData):
    """Whoever signs out here is signed out at the provider too, where it offers that."""


class ProviderLogoutDisabled(EventData):
    """Signing out here leaves the session at the provider alone."""
