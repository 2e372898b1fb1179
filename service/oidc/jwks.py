"""The keys with which a provider signs (RFC 7517), fetched from its ``jwks_uri``."""

from collections.abc import Mapping
from typing import Final

import structlog
from joserfc.jwk import Key

from service.clock import Clock
from service.oidc.documents import Document, DocumentMalformed
from service.oidc.errors import OidcError
from service.oidc.freshness import Bounds, FreshnessCache
from service.oidc.http import ProviderClient
from service.oidc.signatures import KeyUnusable, SignatureKey, signature_key

KEY_BOUNDS: Final = Bounds(
    # Okta shortens max-age as a rotation comes near.
    shortest_s=60,
    longest_s=12 * 3600,
    unsaid_s=3600,
    # Keys that cannot be confirmed for a day may have been withdrawn.
    kept_s=24 * 3600,
    outlives=frozenset({"provider_unreachable", "provider_misconfigured"}),
)
RENEWAL_PAUSE_S: Final = 30.0
MOST_KEYS: Final = 100
MOST_CANDIDATES: Final = 3
"""How many keys one signature is tried with: a provider that rotates may give two keys one name, not more."""

_OK: Final = 200
_log = structlog.get_logger("oidc")


class SigningKeys:
    """One key set: the keys in it that may verify a signature."""

    def __init__(self, keys: list[SignatureKey]) -> None:
        self._keys = tuple(keys)
        self._by_kid: dict[str, tuple[SignatureKey, ...]] = {}
        for key in keys:
            if key.kid is not None:
                self._by_kid[key.kid] = (*self._by_kid.get(key.kid, ()), key)

    def __len__(self) -> int:
        return len(self._keys)

    def having(self, kid: str | None, alg: str) -> list[Key]:
        """Return the keys that may have made a signature: those called ``kid``, or all where the header names none."""
        candidates = self._keys if kid is None else self._by_kid.get(kid, ())
        return [candidate.key for candidate in candidates if alg in candidate.algorithms][:MOST_CANDIDATES]


def parse_keys(document: Document) -> SigningKeys:
    """Return the usable keys of a key set. Keys that are not usable are passed over, one by one.

    Raises:
        OidcError: there is no key set, or no usable key in it.
    """
    members = document.get("keys")
    if not isinstance(members, list):
        raise OidcError("provider_misconfigured", "keys_malformed", "The provider's key set holds no list of keys.")
    keys, refused = [], ""
    for member in members[:MOST_KEYS]:
        try:
            keys.append(signature_key(member))
        except KeyUnusable as unusable:
            refused = str(unusable)
    if not keys:
        why = f": {refused}" if refused else ""
        raise OidcError(
            "provider_misconfigured", "keys_unusable", f"No key in the provider's key set can be used{why}."
        )
    return SigningKeys(keys)


class KeyCache(FreshnessCache[SigningKeys]):
    """The key sets of every provider in use."""

    def __init__(self, http: ProviderClient, clock: Clock) -> None:
        async def fetch(jwks_uri: str) -> tuple[SigningKeys, Mapping[str, str]]:
            answer = await http.get_json("keys", jwks_uri)
            if answer.status != _OK:
                explanation = f"The provider answers {answer.status} instead of its keys."
                raise OidcError("provider_unreachable", "keys_unreachable", explanation)
            try:
                return parse_keys(answer.document()), answer.headers
            except DocumentMalformed as malformed:
                explanation = f"The provider's key set cannot be read: {malformed}."
                raise OidcError("provider_misconfigured", "keys_malformed", explanation) from None

        super().__init__(fetch, clock, KEY_BOUNDS)
        self._asked_at: dict[str, float] = {}

    async def renew(self, jwks_uri: str, tried: SigningKeys) -> SigningKeys | None:
        """Return newer keys than those that were ``tried`` in vain.

        None when there are none, when they cannot be fetched, or when the provider was asked for them within the last
        half minute: tokens that name keys which never existed must not become requests.
        """
        kept = self.kept(jwks_uri)
        if kept is not None and kept is not tried:
            return kept
        now = self._clock().timestamp()
        if not self.is_fetching(jwks_uri):
            if now - self._asked_at.get(jwks_uri, float("-inf")) < RENEWAL_PAUSE_S:
                return None
            self._asked_at[jwks_uri] = now
        keys = await self.fetch(jwks_uri)
        if isinstance(keys, OidcError):
            _log.warning("keys_not_renewed", jwks_uri=jwks_uri, detail=keys.detail)
            return None
        return keys
