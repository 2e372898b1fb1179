"""What changes to workspaces need, passed in once."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from events.decisions import Rules
from events.domains import MailDomainPolicy
from events.secrets import SecretVault
from service.commands.idempotency import IdempotencyKeys
from service.identity.resources import IdentityResources
from service.metrics import Metrics
from service.oidc.client import RelyingParty
from service.settings import Settings

RECENT_SSO: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CommandResources:
    """What identity has (pool, store, clock, rules ...), the vault of secrets, and the way to providers."""

    identity: IdentityResources
    vault: SecretVault
    relying_party: RelyingParty
    idempotency: IdempotencyKeys
    metrics: Metrics


def rules_of(settings: Settings) -> Rules:
    """Return the settings that judge commands.

    Raises:
        Refusal: ``domain_invalid`` when a listed mail domain is none.
    """
    return Rules(
        sso_plans=settings.sso_plans,
        require_verified_domains=settings.require_verified_domains,
        mail_domains=MailDomainPolicy(allow=settings.mail_domains_allowed, deny=settings.mail_domains_denied),
        recent=RECENT_SSO,
    )
