"""The relying party as one object: everything that a login asks of a provider."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import quote

from events.refusals import Refusal
from service.clock import Clock
from service.oidc.authorization_request import authorization_prefix
from service.oidc.discovery import AUTH_METHODS, MetadataCache, ProviderMetadata
from service.oidc.documents import Document
from service.oidc.email import needs_userinfo
from service.oidc.errors import OidcError
from service.oidc.http import ProviderClient
from service.oidc.id_token import Claims, validate_id_token
from service.oidc.issuer import normalise_issuer, normalise_okta_domain
from service.oidc.jwks import KeyCache, SigningKeys
from service.oidc.logout_token import LogoutToken, validate_logout_token
from service.oidc.proven_person import ProvenPerson, ProviderCredentials, proven_person
from service.oidc.signed_token import KEY_MAY_BE_NEW
from service.oidc.tokens import TokenAnswer, exchange_code
from service.oidc.userinfo import fetch_userinfo

MOST_PREFIXES: Final = 4096
DEFAULT_ALGORITHM: Final = "RS256"
"""What signs a client's tokens unless it registered another (OpenID Connect Dynamic Client Registration 2)."""

Valid = TypeVar("Valid")


class RelyingParty:
    """Speaks OpenID Connect with every provider in use. One per process; it keeps metadata and keys."""

    def __init__(self, http: ProviderClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._metadata = MetadataCache(http, clock)
        self._keys = KeyCache(http, clock)
        self._prefix = lru_cache(maxsize=MOST_PREFIXES)(authorization_prefix)

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
            return proven_person(answer, claims, userinfo, credentials, checks)
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
