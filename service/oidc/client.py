"""The relying party as one object: everything that a login asks of a provider."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from events.refusals import Refusal
from service.clock import Clock
from service.oidc.claims import provider_session
from service.oidc.discovery import AUTH_METHODS, MetadataCache, ProviderMetadata
from service.oidc.documents import Document
from service.oidc.email import asserted_name, choose_email, needs_userinfo
from service.oidc.errors import OidcError
from service.oidc.http import ProviderClient
from service.oidc.id_token import Claims, validate_id_token
from service.oidc.issuer import normalise_issuer, normalise_okta_domain
from service.oidc.jwks import KeyCache, SigningKeys
from service.oidc.logout_token import LogoutToken, validate_logout_token
from service.oidc.signed_token import KEY_MAY_BE_NEW
from service.oidc.tokens import TokenAnswer, exchange_code
from service.oidc.userinfo import fetch_userinfo

SCOPES: Final = "openid email profile"
RESPONSE_MODES: Final = ("query", "form_post")
"""How an answer may come back, the preferred way first."""
MOST_PREFIXES: Final = 4096
DEFAULT_ALGORITHM: Final = "RS256"
"""What signs a client's tokens unless it registered another (OpenID Connect Dynamic Client Registration 2)."""
LONGEST_DOMAIN: Final = 253

Valid = TypeVar("Valid")


@dataclass(frozen=True, slots=True)
class ProviderCredentials:
    """What a connection knows of its provider. The values of the last three are those of the recorded events."""

    issuer: str
    client_id: str
    client_secret: SecretStr
    auth_method: str
    email_verified: str
    subject_type: str


@dataclass(frozen=True, slots=True)
class ProvenPerson:
    """Who signed in, as the provider proved it.

    ``subject_scope`` is empty where ``sub`` means the same person for every client of the issuer, else the client ID
    (OIDC Core 8). ``email_verified_claim`` is None where the provider gave no JSON boolean. ``claims_checked`` names
    each check that was made, in order, with its result and without any value. ``hosted_domain`` is Google's ``hd``, the
    domain of the organisation that the account belongs to. ``sid`` is the person's session at the provider, where it
    told one. ``id_token`` is what proved it, signed by ``alg``.
    """

    issuer: str
    subject: str
    subject_scope: str
    email: str
    email_verified_claim: bool | None
    name: str | None
    claims_checked: dict[str, str]
    userinfo_used: bool
    hosted_domain: str | None = None
    sid: str | None = None
    id_token: SecretStr | None = None
    alg: str = "RS256"


class RelyingParty:
    """Speaks OpenID Connect with every provider in use. One per process; it keeps metadata and keys."""

    def __init__(self, http: ProviderClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._metadata = MetadataCache(http, clock)
        self._keys = KeyCache(http, clock)
        self._prefix = lru_cache(maxsize=MOST_PREFIXES)(_authorization_prefix)

    def normalise(self, provider_kind: str, text: str) -> str:
        """Return the issuer that an administrator means: an Okta domain for the kind ``okta``, else an issuer.

        Raises:
            Refusal: ``provider_invalid``.
        """
        normalise = normalise_okta_domain if provider_kind == "okta" else normalise_issuer
        return normalise(text, self._http.policy)

    async def check_provider(self, issuer: str, provider_kind: str) -> ProviderMetadata:
        """Ask the provider now whether it is one that people can sign in at, before its issuer is recorded.

        ``provider_kind`` (``okta`` or ``oidc``) chooses the words in which it is told what is wrong.

        Raises:
            Refusal: ``provider_unreachable`` or ``provider_invalid``, with a sentence that says what to change.
        """
        try:
            metadata = await self._metadata.renewed(issuer)
            await self._keys.renewed(metadata.jwks_uri)
        except OidcError as error:
            code = "provider_unreachable" if error.reason == "provider_unreachable" else "provider_invalid"
            details: dict[str, object] = {
                "detail": error.detail,
                "issuer": issuer,
                "field": error.setting(provider_kind),
            }
            if error.retry_after is not None:
                details["retry_after"] = error.retry_after
            raise Refusal(code, error.explained(provider_kind), details) from None
        if not set(AUTH_METHODS) & set(metadata.token_auth_methods):
            sentence = "The provider offers no way for a client to authenticate with a client secret."
            raise Refusal("provider_invalid", sentence, {"detail": "auth_methods_refused", "issuer": issuer})
        return metadata

    def at_hand(self, issuer: str, now: float) -> ProviderMetadata | None:
        """Return what :meth:`prepare` would, if that takes no waiting. ``now`` in seconds since the epoch."""
        return self._metadata.at_hand(issuer, now)

    async def prepare(self, issuer: str) -> ProviderMetadata:
        """Return the issuer's metadata, from the cache wherever possible.

        Raises:
            OidcError: there are none, or they are not this issuer's.
        """
        return await self._metadata.get(issuer)

    def authorization_url(
        self,
        metadata: ProviderMetadata,
        client_id: str,
        redirect_uri: str,
        state: str,
        nonce: str,
        code_challenge: str,
        login_hint: str | None = None,
    ) -> str:
        """Return where the browser goes to sign in (OIDC Core 3.1.2.1). PKCE S256 goes along, announced or not.

        ``state``, ``nonce`` and ``code_challenge`` are base64url, as they are drawn.
        """
        prefix = self._prefix(metadata.authorization_endpoint, client_id, redirect_uri, metadata.response_modes)
        # What is drawn needs no quoting; this is called too often to look.
        url = f"{prefix}&state={state}&nonce={nonce}&code_challenge={code_challenge}"
        return f"{url}&login_hint={quote(login_hint, '')}" if login_hint else url

    async def complete(
        self,
        credentials: ProviderCredentials,
        metadata: ProviderMetadata,
        code: str,
        redirect_uri: str,
        verifier: str,
        nonce: str,
    ) -> ProvenPerson:
        """Exchange the code and return who the provider proves the person to be.

        Raises:
            OidcError: with the reason, and with what was checked until then.
        """
        checks: dict[str, str] = {"code_exchange": "failed"}
        try:
            answer = await exchange_code(
                self._http,
                metadata.token_endpoint,
                client_id=credentials.client_id,
                client_secret=credentials.client_secret,
                auth_method=credentials.auth_method,
                code=code,
                redirect_uri=redirect_uri,
                verifier=verifier,
            )
            checks["code_exchange"] = "passed"
            claims = await self._validated(answer, credentials, metadata, code, nonce)
            checks |= claims.checks
            userinfo = await self._userinfo(answer, claims, credentials, metadata, checks)
            return _person(answer, claims, userinfo, credentials, checks)
        except OidcError as error:
            error.checks = {**checks, **error.checks}
            raise

    async def read_logout_token(self, issuer: str, client_id: str, token: str, algorithm: str | None) -> LogoutToken:
        """Return what a logout token of this issuer for this client says.

        ``algorithm`` is the one that signs the client's ID tokens, and so its logout tokens (OpenID Connect
        Back-Channel Logout 2.6); None where none has been seen yet.

        Raises:
            OidcError: it is not valid, or the provider's metadata or keys are not to be had.
        """
        metadata = await self.prepare(issuer)
        expected = frozenset({algorithm or DEFAULT_ALGORITHM})
        return await self._by_newest_keys(
            metadata,
            lambda keys: validate_logout_token(
                token,
                keys,
                issuer=issuer,
                client_id=client_id,
                algorithms=(expected & metadata.id_token_algs) or metadata.id_token_algs,
                now=self._clock().timestamp(),
            ),
        )

    async def _validated(
        self, answer: TokenAnswer, credentials: ProviderCredentials, metadata: ProviderMetadata, code: str, nonce: str
    ) -> Claims:
        return await self._by_newest_keys(
            metadata,
            lambda keys: validate_id_token(
                answer.id_token,
                keys,
                issuer=credentials.issuer,
                client_id=credentials.client_id,
                nonce=nonce,
                algorithms=metadata.id_token_algs,
                access_token=answer.access_token,
                code=code,
                now=self._clock().timestamp(),
            ),
        )

    async def _by_newest_keys(self, metadata: ProviderMetadata, validate: Callable[[SigningKeys], Valid]) -> Valid:
        """Validate by the keys at hand, and once more for each time that the provider turns out to have newer ones."""
        keys = await self._keys.get(metadata.jwks_uri)
        while True:
            try:
                return validate(keys)
            except OidcError as error:
                renewed = await self._keys.renew(metadata.jwks_uri, keys) if error.detail in KEY_MAY_BE_NEW else None
                if renewed is None:
                    raise
                keys = renewed

    async def _userinfo(
        self,
        answer: TokenAnswer,
        claims: Claims,
        credentials: ProviderCredentials,
        metadata: ProviderMetadata,
        checks: dict[str, str],
    ) -> Document | None:
        if metadata.userinfo_endpoint is None or not needs_userinfo(claims.members, credentials.email_verified):
            checks["userinfo"] = "not_asked"
            return None
        checks["userinfo"] = "failed"
        userinfo = await fetch_userinfo(self._http, metadata.userinfo_endpoint, answer.access_token, claims.subject)
        checks["userinfo"] = "passed"
        return userinfo


def _person(
    answer: TokenAnswer,
    claims: Claims,
    userinfo: Document | None,
    credentials: ProviderCredentials,
    checks: dict[str, str],
) -> ProvenPerson:
    checks["email"] = "failed"
    email = choose_email(claims.members, userinfo, credentials.email_verified)
    checks["email"] = f"from_{email.source}"
    checks["email_verified"] = "ignored" if credentials.email_verified == "ignore" else "passed"
    return ProvenPerson(
        issuer=credentials.issuer,
        subject=claims.subject,
        subject_scope=credentials.client_id if credentials.subject_type == "pairwise" else "",
        email=email.address,
        email_verified_claim=email.verified,
        name=asserted_name(claims.members, userinfo),
        claims_checked=checks,
        userinfo_used=userinfo is not None,
        hosted_domain=_hosted_domain(claims, userinfo),
        sid=provider_session(claims.members),
        id_token=SecretStr(answer.id_token),
        alg=claims.alg,
    )


def _hosted_domain(claims: Claims, userinfo: Document | None) -> str | None:
    told = claims.members.get("hd") or (userinfo or {}).get("hd")
    return told if isinstance(told, str) and len(told) <= LONGEST_DOMAIN else None


def _authorization_prefix(endpoint: str, client_id: str, redirect_uri: str, response_modes: tuple[str, ...]) -> str:
    fixed = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPES,
        "code_challenge_method": "S256",
    }
    # Nothing announced means the standard's own, which for a code is the query.
    mode = next((one for one in RESPONSE_MODES if one in response_modes), None)
    if mode is not None:
        fixed["response_mode"] = mode
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(fixed, quote_via=quote)}"
