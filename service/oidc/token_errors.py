"""What a refusal of the token endpoint means (RFC 6749 5.2, RFC 9449 5), in Okta's dialect too.

Descriptions come from outside: they are compared with what is known, and never kept.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from service.oidc.documents import Document
from service.oidc.errors import OidcError
from service.oidc.http import Fetched
from service.oidc.okta import (
    AUTHENTICATION_POLICY,
    CLIENT_AUTHENTICATION,
    CLIENT_ID,
    CLIENT_SECRET,
    CUSTOM_SERVER_AT_OKTA,
    CUSTOM_SERVER_UNAVAILABLE,
    FEATURE_MISSING,
    GRANT_TYPE,
    OKTA_DOMAIN,
    PROOF_OF_POSSESSION,
    REDIRECT_URIS,
    SERVER_SCOPES,
    Setting,
)

DPOP_REQUIRED: Final = OidcError(
    "provider_misconfigured",
    "dpop_required",
    "The provider demands proof of possession (DPoP) with token requests. Switch it off for this app.",
    field=PROOF_OF_POSSESSION,
    at_okta="In Okta, clear this checkbox.",
)

CLIENT_REFUSED: Final = frozenset({"client_refused", "client_secret_wrong", "grant_type_refused", "token_refused"})
"""Details by which a provider may say that what the client authenticates with is wrong."""

NOT_DECODED: Final = (
    "If both are right: some providers do not decode what is in the Authorization header, as the standard has it. "
    "Support can have the secret sent in the request's body instead, by the authentication method client_secret_post."
)

_MAKE_ANOTHER: Final = "In Okta, generate a new secret and hand it to support."

_LONGEST_COMPARED: Final = 500
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SERVER_ERRORS: Final = 500
_OK: Final = 200


def explain_token_error(answer: Fetched, document: Document | None) -> OidcError:
    """Return what went wrong. ``document`` is the answer's JSON object, None where it holds none."""
    error = _by_code(document) if document is not None else None
    if error is None:
        error = _by_status(answer.status)
    request_id = answer.headers.get("x-okta-request-id", "")
    if _REQUEST_ID.fullmatch(request_id):
        error.okta_request_id = request_id
    return error


def _by_code(document: Document) -> OidcError | None:
    error, okta_code = document.get("error"), document.get("errorCode")
    told = " ".join(
        text[:_LONGEST_COMPARED].lower()
        for text in (document.get("error_description"), document.get("errorSummary"))
        if isinstance(text, str)
    )
    if okta_code == FEATURE_MISSING or "feature" in told:
        return _misconfigured(
            "custom_server_unavailable", CUSTOM_SERVER_UNAVAILABLE, OKTA_DOMAIN, CUSTOM_SERVER_AT_OKTA
        )
    explain = _EXPLANATIONS.get(error) if isinstance(error, str) else None
    return explain(told) if explain is not None else None


def _by_status(status: int) -> OidcError:
    if status >= _SERVER_ERRORS:
        return OidcError("provider_error", "token_endpoint_failed", f"The provider failed: it answers {status}.")
    if status == _OK:
        explanation = "The provider answers the token request with something that is no token answer."
        return OidcError("provider_error", "token_answer_malformed", explanation)
    return OidcError("provider_error", "token_refused", f"The provider refuses the token request: it answers {status}.")


def _client(told: str) -> OidcError:
    if "auth method" in told or "authentication method" in told:
        explanation = "The provider wants the client to authenticate in another way than with a client secret."
        return _misconfigured(
            "auth_method_refused", explanation, CLIENT_AUTHENTICATION, "In Okta, choose Client secret."
        )
    if "secret" in told:
        explanation = "The provider does not accept the client secret: it is wrong, has expired or was deactivated."
        return _misconfigured("client_secret_wrong", explanation, CLIENT_SECRET, _MAKE_ANOTHER)
    if "client_id" in told or "client id" in told:
        explanation = "The provider does not know the client ID that this connection has. Give support the app's own."
        return _misconfigured("client_id_wrong", explanation, CLIENT_ID)
    explanation = "The provider does not accept the client: its ID or its secret is wrong, or the secret has expired."
    return _misconfigured("client_refused", explanation, CLIENT_SECRET, _MAKE_ANOTHER)


def _grant(told: str) -> OidcError:
    if "redirect" in told:
        explanation = "The provider received another redirect URI than it knows."
        at_okta = "In Okta, enter the redirect URI that support gave you, to the letter."
        return OidcError("code_rejected", "redirect_uri_mismatch", explanation, field=REDIRECT_URIS, at_okta=at_okta)
    if "pkce" in told or "verifier" in told:
        explanation = "The code belongs to another login than the one that this browser began."
        return OidcError("code_rejected", "pkce_mismatch", explanation)
    explanation = "The provider does not accept the code any more: it can be used once, and for a short time."
    return OidcError("code_rejected", "code_expired", explanation, at_okta="At Okta it lives for sixty seconds.")


def _scope(_: str) -> OidcError:
    return _misconfigured("scope_refused", "The app has to allow the scopes openid, email and profile.", SERVER_SCOPES)


def _grant_type(_: str) -> OidcError:
    explanation = "The app has to allow the Authorization Code grant."
    return _misconfigured("grant_type_refused", explanation, GRANT_TYPE, "In Okta, tick Authorization Code.")


def _denied(_: str) -> OidcError:
    explanation = "A policy at the provider does not let the person into this app."
    return OidcError("provider_denied", "policy", explanation, field=AUTHENTICATION_POLICY)


def _request(_: str) -> OidcError:
    return OidcError("provider_error", "token_request_refused", "The provider does not understand the token request.")


def _dpop(_: str) -> OidcError:
    return DPOP_REQUIRED.again()


_EXPLANATIONS: Final[Mapping[str, Callable[[str], OidcError]]] = {
    "access_denied": _denied,
    "invalid_client": _client,
    "invalid_dpop_proof": _dpop,
    "invalid_grant": _grant,
    "invalid_request": _request,
    "invalid_scope": _scope,
    "unauthorized_client": _grant_type,
    "unsupported_grant_type": _grant_type,
    "use_dpop_nonce": _dpop,
}


def _misconfigured(detail: str, explanation: str, field: Setting, at_okta: str = "") -> OidcError:
    return OidcError("provider_misconfigured", detail, explanation, field=field, at_okta=at_okta)
