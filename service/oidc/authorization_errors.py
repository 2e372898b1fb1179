"""What an error response at the callback means (RFC 6749 4.1.2.1, OIDC Core 3.1.2.6), in Okta's dialect too.

The description comes from outside: it is compared with what is known, and never kept.
"""

import re
from typing import Final

from service.oidc.errors import OidcError
from service.oidc.okta import (
    ASSIGNMENTS,
    AUTHENTICATION_POLICY,
    CUSTOM_SERVER_UNAVAILABLE,
    GRANT_TYPE,
    OKTA_DOMAIN,
)

_LONGEST_COMPARED: Final = 500
_CODE = re.compile(r"[a-z_]{1,40}")
_FOR_THE_PERSON: Final = frozenset(
    {"account_selection_required", "consent_required", "interaction_required", "login_required"}
)
_FOR_THE_ADMINISTRATOR: Final = {
    "invalid_request": "The provider does not accept the request as the app is set up now.",
    "invalid_scope": "The app has to allow the scopes openid, email and profile.",
    "unauthorized_client": "The app has to allow the Authorization Code grant.",
    "unsupported_response_type": "The app has to allow the Authorization Code grant.",
}


def explain_authorization_error(error: str, description: str) -> OidcError:
    """Return what the provider's ``error`` and ``error_description`` mean. Neither need be anything known or sane."""
    code = error if _CODE.fullmatch(error) else "unknown_error"
    told = description[:_LONGEST_COMPARED].lower()
    if code == "access_denied":
        return _denied(told)
    if code == "user_canceled_request":
        return OidcError("provider_denied", "canceled", "The person broke the sign-in off at the provider.")
    if code in _FOR_THE_PERSON:
        return OidcError("provider_error", code, "The provider needs the person to act there first.")
    if code in _FOR_THE_ADMINISTRATOR:
        return OidcError("provider_misconfigured", code, _FOR_THE_ADMINISTRATOR[code], field=GRANT_TYPE)
    if "feature" in told or "not enabled" in told or "api access management" in told:
        return OidcError(
            "provider_misconfigured", "custom_server_unavailable", CUSTOM_SERVER_UNAVAILABLE, field=OKTA_DOMAIN
        )
    if code == "temporarily_unavailable":
        return OidcError("provider_unreachable", code, "The provider cannot sign anybody in at the moment.")
    return OidcError("provider_error", code, "The provider ended the sign-in with an error.")


def _denied(told: str) -> OidcError:
    if "not assigned" in told:
        return OidcError("provider_denied", "not_assigned", "The person is not assigned to the app.", field=ASSIGNMENTS)
    if "policy" in told:
        explanation = "A sign-on policy at the provider does not let the person into this app."
        return OidcError("provider_denied", "policy", explanation, field=AUTHENTICATION_POLICY)
    explanation = "The provider denies the person access to the app. Usually the app is not assigned to the person."
    return OidcError("provider_denied", "access_denied", explanation, field=ASSIGNMENTS)
