"""Okta's words: where in its administration console a setting is found, and which hosts are whose."""

import re
from typing import Final

ASSIGNMENTS: Final = "Assignments"
AUTHENTICATION_POLICY: Final = "Sign On › Authentication policy"
CLIENT_AUTHENTICATION: Final = "General › Client Credentials › Client authentication"
CLIENT_ID: Final = "General › Client Credentials › Client ID"
CLIENT_SECRET: Final = "General › Client Credentials › Client secrets"  # noqa: S105 - the name of a field
GRANT_TYPE: Final = "General › General Settings › Grant type"
ID_TOKEN_ISSUER: Final = "Sign On › OpenID Connect ID Token › Issuer"  # noqa: S105 - the name of a field
LOGIN_FLOW: Final = "General › Login › Login flow"
OKTA_DOMAIN: Final = "Okta domain"
PROOF_OF_POSSESSION: Final = (
    "General › General Settings › Proof of possession › "
    "Require Demonstrating Proof of Possession (DPoP) header in token requests"
)
REDIRECT_URIS: Final = "General › Login › Sign-in redirect URIs"
USER_EMAIL: Final = "Directory › People › Profile › Primary email"

FEATURE_MISSING: Final = "E0000015"

CUSTOM_SERVER_UNAVAILABLE: Final = (
    "Custom authorization servers, such as /oauth2/default, need API Access Management, which this Okta organization "
    "seems not to have. Use the Okta domain alone."
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
