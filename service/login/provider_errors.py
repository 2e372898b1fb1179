"""What an error response at the callback means (OAuth 2.0, RFC 6749 4.1.2.1; OIDC Core 3.1.2.6), in Okta's dialect.

The description comes from outside. It is only compared with what is known, never stored, logged or shown.
"""

import re
from typing import Final

from service.login.outcome import Refused

ASSIGNMENTS: Final = "Assignments"
GRANT_TYPE: Final = "General Settings › Grant type"
LOGIN_FLOW: Final = "General Settings › Login flow"
OKTA_DOMAIN: Final = "Okta domain (Authorization server)"
SIGN_ON_POLICY: Final = "Sign On › Authentication policy"

_KNOWN_ERROR = re.compile(r"[a-z_]{1,40}")
_BACK_BY_THE_PERSON: Final = frozenset(
    {"login_required", "interaction_required", "consent_required", "account_selection_required"}
)
_APP_SETTINGS: Final = {
    "invalid_request": "The request was refused as Okta is set up now.",
    "invalid_scope": "The scopes openid, email and profile have to be allowed for this app.",
    "unauthorized_client": "The app has to allow the authorization code grant.",
    "unsupported_response_type": "The app has to allow the authorization code grant.",
}


def read_error_response(error: str, description: str) -> tuple[str, str, str | None, str | None]:
    """Return reason, detail, Okta field and explanation for an error response."""
    code = error if _KNOWN_ERROR.fullmatch(error) else "unknown_error"
    told = description[:500].lower()
    if code == "access_denied":
        if "not assigned" in told:
            return "provider_denied", "not_assigned", ASSIGNMENTS, "The person is not assigned to the app."
        if "policy" in told:
            return "provider_denied", "policy", SIGN_ON_POLICY, "A sign-on policy of Okta does not let the person in."
        return "provider_denied", "access_denied", ASSIGNMENTS, None
    if code == "user_canceled_request":
        return "provider_denied", "canceled", None, None
    if code in _BACK_BY_THE_PERSON:
        return "provider_error", code, None, None
    if code in _APP_SETTINGS:
        return "provider_misconfigured", code, GRANT_TYPE, _APP_SETTINGS[code]
    if code == "server_error" and ("not enabled" in told or "api access management" in told):
        explanation = (
            "Custom authorization servers (/oauth2/default) need a feature that this Okta organization does not have. "
            "Use the Okta domain alone."
        )
        return "provider_misconfigured", "custom_server_unavailable", OKTA_DOMAIN, explanation
    return "provider_error", code, None, None


def token_posted() -> Refused:
    """Return the refusal for an ID token that Okta posted by itself ("Okta Simplified"): it answers no request of ours."""
    return Refused(
        "provider_misconfigured",
        "id_token_posted",
        okta_field=LOGIN_FLOW,
        explanation=(
            "Okta sends the ID token directly to the app. Choose “Redirect to app to initiate login (OIDC Compliant)” "
            "and enter the initiate URI."
        ),
    )
