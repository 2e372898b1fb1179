"""What an error response at the callback means (RFC 6749 4.1.2.1, OIDC Core 3.1.2.6), in Okta's dialect too.

The description comes from outside: it is compared with what is known, and never kept.
"""

import re
from collections.abc import Mapping
from typing import Final

from service.oidc.errors import OidcError, shown
from service.oidc.okta import (
    ASSIGNMENTS,
    AUTHENTICATION_POLICY,
    CUSTOM_SERVER_AT_OKTA,
    CUSTOM_SERVER_UNAVAILABLE,
    GRANT_TYPE,
    ID_TOKEN_ISSUER,
    OKTA_DOMAIN,
    SERVER_SCOPES,
    Setting,
)
from service.oidc.policy import ProviderPolicy, UrlRefused

_LONGEST_COMPARED: Final = 500
_CODE = re.compile(r"[a-z_]{1,40}")
_FOR_THE_PERSON: Final = frozenset(
    {"account_selection_required", "consent_required", "interaction_required", "login_required"}
)
_FOR_THE_ADMINISTRATOR: Final[Mapping[str, tuple[str, Setting | None, str]]] = {
    "invalid_request": (
        "The provider does not accept the request as the app is set up now.",
        None,
        "Okta's System Log names what it did not accept.",
    ),
    "invalid_scope": (
        "The app has to allow the scopes openid, email and profile.",
        SERVER_SCOPES,
        "Okta's own authorization server allows them always; a custom one needs them, and an access policy for them.",
    ),
    "unauthorized_client": (
        "The app has to allow the Authorization Code grant.",
        GRANT_TYPE,
        "In Okta, tick Authorization Code.",
    ),
    "unsupported_response_type": (
        "The app has to allow the Authorization Code grant.",
        GRANT_TYPE,
        "In Okta, tick Authorization Code.",
    ),
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
        explanation, field, at_okta = _FOR_THE_ADMINISTRATOR[code]
        return OidcError("provider_misconfigured", code, explanation, field=field, at_okta=at_okta)
    if "feature" in told or "not enabled" in told or "api access management" in told:
        return OidcError(
            "provider_misconfigured",
            "custom_server_unavailable",
            CUSTOM_SERVER_UNAVAILABLE,
            field=OKTA_DOMAIN,
            at_okta=CUSTOM_SERVER_AT_OKTA,
        )
    if code == "temporarily_unavailable":
        return OidcError("provider_unreachable", code, "The provider cannot sign anybody in at the moment.")
    return OidcError(
        "provider_error",
        code,
        "The provider ended the sign-in with an error.",
        at_okta="Okta's System Log shows the cause.",
    )


def foreign_issuer(given: str | None, issuer: str) -> OidcError:
    """Return the error for an answer or a start that names another issuer than the connection's (RFC 9207 2.4).

    What was given is repeated only if it can be an issuer: anybody can write such a link, and ours is the page.
    """
    try:
        ProviderPolicy(allow_loopback=True).check(given)
        told = f"names {shown(str(given))}"
    except UrlRefused:
        told = "does not name its issuer" if given is None else "names something that is no issuer"
    return OidcError(
        "issuer_mismatch",
        "foreign_issuer",
        f"The sign-in {told}, and the connection is set up with {issuer}. Both have to be the same, to the letter.",
        field=ID_TOKEN_ISSUER,
        at_okta=(
            "A custom domain changes the issuer: set the connection up with the domain that the app's Issuer setting "
            "shows."
        ),
    )


def _denied(told: str) -> OidcError:
    if "not assigned" in told:
        return OidcError(
            "provider_denied",
            "not_assigned",
            "The person is not assigned to the app.",
            field=ASSIGNMENTS,
            at_okta="In Okta, assign the app to the person, or to a group that the person is in.",
        )
    if "policy" in told:
        return OidcError(
            "provider_denied",
            "policy",
            "A sign-on policy at the provider does not let the person into this app.",
            field=AUTHENTICATION_POLICY,
            at_okta=(
                "With a custom authorization server it may also be that server's: Security › API › "
                "Authorization Servers › Access Policies."
            ),
        )
    return OidcError(
        "provider_denied",
        "access_denied",
        "The provider denies the person access to the app. Usually the app is not assigned to the person.",
        field=ASSIGNMENTS,
    )
