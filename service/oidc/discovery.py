"""A provider's metadata (OIDC Discovery 1.0): fetched from its issuer, and believed only about that issuer."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from service.clock import Clock
from service.oidc.documents import Document, DocumentMalformed
from service.oidc.errors import OidcError, shown
from service.oidc.freshness import Bounds, FreshnessCache
from service.oidc.http import Fetched, ProviderClient
from service.oidc.issuer import WELL_KNOWN
from service.oidc.okta import (
    CUSTOM_SERVER_AT_OKTA,
    FEATURE_MISSING,
    ID_TOKEN_ISSUER,
    OKTA_DOMAIN,
    Setting,
)
from service.oidc.policy import ProviderPolicy, Url, UrlRefused
from service.oidc.signatures import ALGORITHMS

METADATA_BOUNDS: Final = Bounds(
    shortest_s=300,
    longest_s=12 * 3600,
    unsaid_s=3600,
    kept_s=24 * 3600,
    # What an answer says of another issuer, or of other addresses, is never outlived by what was said before.
    outlives=frozenset({"provider_unreachable"}),
)
AUTH_METHODS: Final = ("client_secret_basic", "client_secret_post")

_MOST_VALUES: Final = 200
_OK: Final = 200
_SERVER_ERRORS: Final = 500


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What the provider says about itself, as far as it matters here. Every address was held against the policy."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    token_auth_methods: tuple[str, ...]
    id_token_algs: frozenset[str]
    code_challenge_methods: tuple[str, ...]
    iss_parameter_supported: bool
    subject_types: tuple[str, ...]
    response_modes: tuple[str, ...]


def discovery_url(issuer: str) -> str:
    """Return where the issuer's metadata are (OIDC Discovery 4.1)."""
    return issuer.removesuffix("/") + WELL_KNOWN


def parse_metadata(issuer: str, document: Document, policy: ProviderPolicy) -> ProviderMetadata:
    """Return the metadata if the document is this issuer's (OIDC Discovery 4.3) and a code flow can go by it.

    Raises:
        OidcError: ``issuer_mismatch`` when it names another issuer, else ``provider_misconfigured``.
    """
    _check_issuer(issuer, document.get("issuer"))
    try:
        at = policy.check(issuer)
    except UrlRefused as refused:
        raise _misconfigured("issuer_refused", f"The service does not speak to this issuer: {refused}.") from None
    if "code" not in _texts(document, "response_types_supported", ("code",)):
        raise _misconfigured("code_flow_missing", "The provider does not offer the authorization code flow.")
    algorithms = frozenset(_texts(document, "id_token_signing_alg_values_supported", ("RS256",))) & ALGORITHMS
    if not algorithms:
        raise _misconfigured("algorithms_refused", "The provider signs ID tokens with no acceptable algorithm.")
    return ProviderMetadata(
        issuer=issuer,
        authorization_endpoint=_endpoint(document, "authorization_endpoint", at, policy),
        token_endpoint=_endpoint(document, "token_endpoint", at, policy),
        jwks_uri=_endpoint(document, "jwks_uri", at, policy),
        userinfo_endpoint=_optional(document, "userinfo_endpoint", at, policy),
        end_session_endpoint=_optional(document, "end_session_endpoint", at, policy),
        token_auth_methods=_texts(document, "token_endpoint_auth_methods_supported", ("client_secret_basic",)),
        id_token_algs=algorithms,
        code_challenge_methods=_texts(document, "code_challenge_methods_supported", ()),
        iss_parameter_supported=document.get("authorization_response_iss_parameter_supported") is True,
        subject_types=_texts(document, "subject_types_supported", ("public",)),
        response_modes=_texts(document, "response_modes_supported", ()),
    )


class MetadataCache(FreshnessCache[ProviderMetadata]):
    """The metadata of every issuer in use. They are held against issuer and policy anew at every fetch."""

    def __init__(self, http: ProviderClient, clock: Clock) -> None:
        async def fetch(issuer: str) -> tuple[ProviderMetadata, Any]:
            answer = await http.get_json("discovery", discovery_url(issuer))
            if answer.status != _OK:
                raise _refused(issuer, answer)
            try:
                document = answer.document()
            except DocumentMalformed as malformed:
                explanation = f"The provider's discovery document cannot be read: {malformed}."
                raise _misconfigured("discovery_malformed", explanation) from None
            return parse_metadata(issuer, document, http.policy), answer.headers

        super().__init__(fetch, clock, METADATA_BOUNDS)


def _check_issuer(issuer: str, found: object) -> None:
    if found == issuer:
        return
    if not isinstance(found, str):
        raise _misconfigured("discovery_malformed", "The provider's discovery document names no issuer.")
    raise OidcError(
        "issuer_mismatch",
        "discovery_issuer_mismatch",
        f"The discovery document fetched from {issuer} is that of {shown(found)}. Both have to be the same, to the "
        "letter.",
        field=ID_TOKEN_ISSUER,
        at_okta=(
            "A custom domain changes the issuer: set the connection up with the domain that the app's Issuer setting "
            "shows."
        ),
    )


def _refused(issuer: str, answer: Fetched) -> OidcError:
    if answer.status >= _SERVER_ERRORS:
        explanation = f"The provider answers {answer.status} instead of its discovery document."
        return OidcError("provider_unreachable", "discovery_failed", explanation)
    if urlsplit(issuer).path == "/oauth2/default" or _okta_code(answer) == FEATURE_MISSING:
        return OidcError(
            "provider_misconfigured",
            "custom_server_unavailable",
            f"There is no authorization server at {issuer} that this sign-in could use.",
            field=OKTA_DOMAIN,
            at_okta=CUSTOM_SERVER_AT_OKTA,
        )
    explanation = f"There is no OpenID provider at this address: it answers {answer.status} to discovery."
    return _misconfigured("discovery_missing", explanation, OKTA_DOMAIN)


def _okta_code(answer: Fetched) -> object:
    try:
        return answer.document().get("errorCode")
    except DocumentMalformed:
        return None


def _endpoint(document: Document, name: str, issuer: Url, policy: ProviderPolicy) -> str:
    try:
        return policy.check_endpoint(document.get(name), issuer)
    except UrlRefused as refused:
        raise _misconfigured("endpoint_refused", f"The provider's {name} cannot be used: {refused}.") from None


def _optional(document: Document, name: str, issuer: Url, policy: ProviderPolicy) -> str | None:
    return None if document.get(name) is None else _endpoint(document, name, issuer, policy)


def _texts(document: Document, name: str, unsaid: tuple[str, ...]) -> tuple[str, ...]:
    values = document.get(name)
    if values is None:
        return unsaid
    if not isinstance(values, list):
        raise _misconfigured("discovery_malformed", f"The provider's {name} is no list.")
    return tuple(value for value in values[:_MOST_VALUES] if isinstance(value, str))


def _misconfigured(detail: str, explanation: str, field: Setting | None = None) -> OidcError:
    return OidcError("provider_misconfigured", detail, explanation, field=field)
