"""Okta's words: where in its administration console a setting is found, and which hosts are whose."""

import re
from typing import Final, Self

OKTA: Final = "okta"
"""The kind of a connection whose provider is an Okta org; any other provider's is ``oidc``."""


class Setting(str):
    """A setting by the name that Okta's administration console gives it; ``elsewhere`` is what others may call it."""

    __slots__ = ("elsewhere",)
    elsewhere: str

    def __new__(cls, okta: str, elsewhere: str) -> Self:
        """Return the setting with its two names."""
        made = super().__new__(cls, okta)
        made.elsewhere = elsewhere
        return made

    def at(self, provider_kind: str) -> str:
        """Return its name at a provider of this kind (``okta`` or ``oidc``)."""
        return str(self) if provider_kind == OKTA else self.elsewhere


ASSIGNMENTS: Final = Setting("Assignments", "Who may use the app")
AUTHENTICATION_POLICY: Final = Setting("Sign On › Authentication policy", "Sign-on policy of the app")
CLIENT_AUTHENTICATION: Final = Setting(
    "General › Client Credentials › Client authentication", "How the client authenticates"
)
CLIENT_ID: Final = Setting("General › Client Credentials › Client ID", "Client ID")
CLIENT_SECRET: Final = Setting("General › Client Credentials › Client secrets", "Client secret")
GRANT_TYPE: Final = Setting("General › General Settings › Grant type", "Allowed grant types")
ID_TOKEN_ISSUER: Final = Setting("Sign On › OpenID Connect ID Token › Issuer", "Issuer")
LOGIN_FLOW: Final = Setting("General › Login › Login flow", "How a sign-in is started by the provider")
OKTA_DOMAIN: Final = Setting("Okta domain", "Issuer")
PROOF_OF_POSSESSION: Final = Setting(
    "General › General Settings › Proof of possession › "
    "Require Demonstrating Proof of Possession (DPoP) header in token requests",
    "Proof of possession (DPoP)",
)
RATE_LIMITS: Final = Setting("Reports › Rate Limits", "Rate limits")
REDIRECT_URIS: Final = Setting("General › Login › Sign-in redirect URIs", "Redirect URIs")
SERVER_SCOPES: Final = Setting("Security › API › Authorization Servers › Scopes", "Allowed scopes")
USER_EMAIL: Final = Setting("Directory › People › Profile › Primary email", "The person's e-mail address")

FEATURE_MISSING: Final = "E0000015"

CUSTOM_SERVER_UNAVAILABLE: Final = "The provider answers that a feature which this sign-in needs is not available."
CUSTOM_SERVER_AT_OKTA: Final = (
    "Custom authorization servers, such as /oauth2/default, need API Access Management, which this Okta organization "
    "seems not to have. Set the connection up with the Okta domain alone."
)

_APEXES: Final = "okta.com|oktapreview.com|okta-emea.com|okta-gov.com|okta.mil".replace(".", r"\.")
_ADMIN_HOST = re.compile(rf"([a-z0-9-]+)-admin\.({_APEXES})")
_NO_ORGANIZATION = re.compile(rf"(?:(?:www|help|support|developer|login)\.)?(?:{_APEXES})")


def organization_of_admin_host(host: str) -> str | None:
    """Return the Okta domain whose administration console the host is; None for any other host."""
    match = _ADMIN_HOST.fullmatch(host)
    return f"{match[1]}.{match[2]}" if match else None


def is_nobodys(host: str) -> bool:
    """Whether the host is Okta's own and not an organization's."""
    return _NO_ORGANIZATION.fullmatch(host) is not None
