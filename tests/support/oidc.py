"""What tests of the relying party share: a clock to turn, and logins at the fake provider."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr
from support.provider import FakeProvider
from support.tokens import base64url

from service.oidc.client import RelyingParty
from service.oidc.errors import OidcError
from service.oidc.proven_person import ProvenPerson, ProviderCredentials

REDIRECT_URI: Final = "http://127.0.0.1:8080/api/sso/callback/acme"
VERIFIER: Final = "v" * 43
NONCE: Final = "nonce-of-this-login"
STATE: Final = "state-of-this-login"


class TurnedClock:
    """A clock that starts at the present and moves only when told to."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        """Return the instant it shows."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds)


def credentials_at(provider: FakeProvider, **changes: object) -> ProviderCredentials:
    """Return the credentials of a connection that is set up rightly, or with changes."""
    right = ProviderCredentials(
        issuer=provider.issuer,
        client_id=provider.client_id,
        client_secret=SecretStr(provider.client_secret),
        auth_method="client_secret_basic",
        email_verified="ignore",
        subject_type="public",
    )
    return replace(right, **changes)  # type: ignore[arg-type]


async def sign_in(
    relying_party: RelyingParty,
    provider: FakeProvider,
    *,
    credentials: ProviderCredentials | None = None,
    before_exchange: Callable[[], None] = lambda: None,
    verifier: str = VERIFIER,
    nonce: str = NONCE,
) -> ProvenPerson:
    """Run one login from the authorization URL to the proven person."""
    used = credentials or credentials_at(provider)
    metadata = await relying_party.prepare(used.issuer)
    challenge = base64url(hashlib.sha256(VERIFIER.encode()).digest())
    url = relying_party.authorization_url(metadata, used.client_id, REDIRECT_URI, STATE, NONCE, challenge)
    answer = parse_qs(urlsplit(await provider.log_in(url)).query)
    before_exchange()
    return await relying_party.complete(used, metadata, answer["code"][0], REDIRECT_URI, verifier, nonce)


async def fails(call: Awaitable[object]) -> OidcError:
    """Return the error that the call has to end with."""
    with pytest.raises(OidcError) as failed:
        await call
    return failed.value
