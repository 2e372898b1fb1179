"""Google as an OpenID provider of the service's own: the same relying party, and attempts as every sign-in has them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import asyncpg
from pydantic import SecretStr

from service.clock import Clock
from service.cookiebox import CookieBox
from service.login.attempt import Attempt, AttemptCookies
from service.login.beginning import Beginnings, Begun
from service.login.outcome import Refused
from service.login.returned import AlreadyUsed, ReturnedAttempts, refused_answer
from service.oidc.client import RelyingParty
from service.oidc.discovery import AUTH_METHODS, ProviderMetadata
from service.oidc.errors import OidcError
from service.oidc.proven_person import ProvenPerson, ProviderCredentials

CALLBACK_PATH: Final = "/login/google/callback"
GOOGLES_HOST: Final = "accounts.google.com"
GOOGLES_ENDPOINTS: Final = frozenset({"oauth2.googleapis.com", "openidconnect.googleapis.com", "www.googleapis.com"})
"""Where Google's own discovery document leads, beside the issuer's host."""
_PLACE: Final = "$google"
"""What an attempt says instead of a workspace's slug, which this can never be."""
_KIND: Final = "oidc"


def is_google(issuer: str) -> bool:
    """Whether this is Google itself, and not a provider that stands for it."""
    return urlsplit(issuer).hostname == GOOGLES_HOST


def endpoint_hosts(issuer: str) -> frozenset[str]:
    """Return the hosts at which the issuer may have endpoints beside its own."""
    return GOOGLES_ENDPOINTS if is_google(issuer) else frozenset()


@dataclass(frozen=True, slots=True)
class GoogleClient:
    """The application that the operator has registered at Google."""

    issuer: str
    client_id: str
    client_secret: SecretStr


@dataclass(frozen=True, slots=True)
class ProvenAtGoogle:
    """The round trip proved who it is; ``attempt`` knows where they wanted to go."""

    attempt: Attempt
    person: ProvenPerson


class GoogleRoundTrip:
    """Sends browsers to Google and judges with what they come back."""

    def __init__(
        self,
        *,
        client: GoogleClient,
        relying_party: RelyingParty,
        pool: "asyncpg.Pool[asyncpg.Record]",
        box: CookieBox,
        cookies: AttemptCookies,
        public_url: str,
        clock: Clock,
    ) -> None:
        self._client = client
        self._relying_party = relying_party
        self._beginnings = Beginnings(relying_party, box, cookies)
        self._returned = ReturnedAttempts(pool, box, cookies, clock)
        self._redirect_uri = f"{public_url}{CALLBACK_PATH}"
        self._clock = clock

    async def begin(self, *, login_hint: str | None, target: str | None, cookie_header: str) -> Begun | Refused:
        """Begin an attempt. ``target`` is an admitted address, or none."""
        try:
            metadata = await self._relying_party.prepare(self._client.issuer)
        except OidcError as error:
            return Refused.of(error, _KIND, target)
        begun = self._beginnings.begin(
            metadata,
            slug=_PLACE,
            credentials_id=_PLACE,
            issuer=self._client.issuer,
            client_id=self._client.client_id,
            redirect_uri=self._redirect_uri,
            target=target,
            now=int(self._clock().timestamp()),
            kind="app",
            cookie_header=cookie_header,
            login_hint=login_hint,
        )
        if isinstance(begun, Begun) and is_google(self._client.issuer):
            # People have several accounts there, and the last one used need not be the one that they mean.
            return begun._replace(location=f"{begun.location}&prompt=select_account")
        return begun

    async def answer(self, fields: Mapping[str, str], cookie_header: str) -> ProvenAtGoogle | AlreadyUsed | Refused:
        """Judge one answer of Google's."""
        attempt = await self._returned.find(fields, cookie_header)
        if not isinstance(attempt, Attempt):
            return attempt
        if attempt.slug != _PLACE or attempt.redirect_uri != self._redirect_uri:
            return Refused("attempt_foreign", "other_workspace")
        if attempt.expired(int(self._clock().timestamp())):
            return Refused("attempt_expired", "too_slow", target=attempt.target)
        if (attempt.issuer, attempt.client_id) != (self._client.issuer, self._client.client_id):
            return Refused("attempt_expired", "client_replaced", target=attempt.target)
        return await self._judge(attempt, fields)

    async def _judge(self, attempt: Attempt, fields: Mapping[str, str]) -> ProvenAtGoogle | AlreadyUsed | Refused:
        try:
            metadata = await self._relying_party.prepare(attempt.issuer)
        except OidcError as error:
            return Refused.of(error, _KIND, attempt.target)
        iss = fields.get("iss")
        is_foreign = metadata.iss_parameter_supported if iss is None else iss != attempt.issuer
        refused = refused_answer(attempt, fields, _KIND, is_foreign=is_foreign)
        if refused is not None and not refused.spent:
            return refused
        used = await self._returned.spend(attempt)
        if used is not None or refused is not None:
            return used or refused or Refused("attempt_used", "spent")
        return await self._exchange(attempt, metadata, fields["code"])

    async def _exchange(self, attempt: Attempt, metadata: ProviderMetadata, code: str) -> ProvenAtGoogle | Refused:
        method = next((one for one in AUTH_METHODS if one in metadata.token_auth_methods), AUTH_METHODS[0])
        credentials = ProviderCredentials(
            issuer=self._client.issuer,
            client_id=self._client.client_id,
            client_secret=self._client.client_secret,
            auth_method=method,
            email_verified="require",
            subject_type="public",
        )
        try:
            person = await self._relying_party.complete(
                credentials, metadata, code, attempt.redirect_uri, attempt.verifier, attempt.nonce
            )
        except OidcError as error:
            return dataclasses.replace(Refused.of(error, _KIND, attempt.target), spent=True)
        return ProvenAtGoogle(attempt, person)
