"""Callback: from the provider's answer to a proven, admitted person (OIDC Core 3.1.2.5 to 3.1.3.8).

The order matters. What the browser holds is looked at first, so that nobody else's browser can use an attempt up; then
what the attempt is bound to; then it is spent, once across all instances; and only then does a code leave for the
provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import asyncpg

from events.workspace import UnreadableEvent, Workspace
from projections.connection import load_connection
from service.clock import Clock
from service.cookiebox import CookieBox
from service.identity.read_model import UnusableReadModel
from service.limits import RateLimit
from service.login.attempt import Attempt, AttemptCookies
from service.login.connections import Connections
from service.login.exchange import Exchange
from service.login.initiate import available, redirect_uri
from service.login.outcome import Refused
from service.login.own_credentials import credentials_of, switched_away
from service.login.returned import AlreadyUsed, ReturnedAttempts, refused_answer
from service.login.slug import is_slug
from service.oidc.errors import OidcError
from service.oidc.okta import LOGIN_FLOW, OKTA
from service.oidc.proven_person import ProvenPerson

PARAMETERS: Final = ("state", "code", "error", "error_description", "iss", "id_token")

REPLACED: Final = "credentials_replaced"
SWITCHED: Final = "credentials_switched"
"""The detail of an attempt that a promotion or a rollback overtook."""

TOKEN_POSTED: Final = OidcError(
    "provider_misconfigured",
    "id_token_posted",
    "The provider sends an ID token by itself. It has to send the person to the initiate URI instead.",
    field=LOGIN_FLOW,
    at_okta=(
        "In Okta, choose “Redirect to app to initiate login (OIDC Compliant)” in place of “Send ID Token directly to "
        "app (Okta Simplified)”, and enter the initiate URI."
    ),
)
"""An ID token that nobody asked for answers no request of ours, and would sign in whoever is made to post it."""


@dataclass(frozen=True, slots=True)
class Proven:
    """The provider proved who it is. ``connection`` is what the exchange went by; admission looks at it anew."""

    attempt: Attempt
    person: ProvenPerson
    connection: Workspace


class Callback:
    """Answers the provider's redirects.

    ``exchanges`` bounds how many codes leave for one workspace's provider. What counts is an attempt that this browser
    began and that was not used before; a request that shows nothing cannot use up what the workspace's people share.
    """

    def __init__(
        self,
        *,
        pool: "asyncpg.Pool[asyncpg.Record]",
        connections: Connections,
        exchange: Exchange,
        box: CookieBox,
        cookies: AttemptCookies,
        public_url: str,
        clock: Clock,
        exchanges: RateLimit,
    ) -> None:
        self._pool = pool
        self._connections = connections
        self._exchange = exchange
        self._returned = ReturnedAttempts(pool, box, cookies, clock)
        self._public_url = public_url
        self._clock = clock
        self._exchanges = exchanges

    async def answer(self, slug: str, fields: Mapping[str, str], cookie_header: str) -> Proven | AlreadyUsed | Refused:
        """Judge one answer of the provider. ``fields`` holds each of :data:`PARAMETERS` at most once."""
        if "id_token" in fields and not fields.get("code"):
            known = await self._connections.get(slug) if is_slug(slug) else None
            return Refused.of(TOKEN_POSTED, OKTA if known is None else provider_kind(known))
        attempt = await self._returned.find(fields, cookie_header)
        if not isinstance(attempt, Attempt):
            return attempt
        try:
            answer = await self._answer(slug, attempt, fields)
        except (UnreadableEvent, UnusableReadModel):
            answer = Refused("workspace_unavailable", "read_model_unusable", target=attempt.target)
        if isinstance(answer, Refused) and attempt.kind == "test":
            return replace(answer, target=attempt.target, tested=attempt.credentials_id)
        return answer

    async def _answer(self, slug: str, attempt: Attempt, fields: Mapping[str, str]) -> Proven | AlreadyUsed | Refused:
        connection = await self._connections.get(slug) if is_slug(slug) else None
        refused = self._bound(attempt, slug, connection)
        if refused is not None and refused.reason != "attempt_foreign":
            # The attempt may have been begun, elsewhere, on a change that has not been heard of here yet.
            connection = await load_connection(self._pool, slug)
            refused = self._bound(attempt, slug, connection)
        if refused is not None or connection is None:
            refused = refused or Refused("workspace_unavailable", target=attempt.target)
            return await self._switched(refused, connection, attempt)
        own = credentials_of(connection, attempt)
        kind = OKTA if own is None else own.provider_kind
        is_foreign = await self._exchange.foreign_issuer(attempt, fields.get("iss"))
        refused = refused_answer(attempt, fields, kind, is_foreign=is_foreign)
        if refused is not None and not refused.spent:
            return refused
        busy = 0 if refused is not None else self._exchanges.due(slug)
        if busy:
            # The attempt is not used up: the same address, asked for again after the wait, goes on.
            return Refused("rate_limited", target=attempt.target, retry_after=busy)
        used = await self._returned.spend(attempt)
        if used is not None:
            return used
        if refused is not None:
            return refused
        self._exchanges.charge(slug)
        person = await self._exchange.complete(connection, attempt, fields["code"])
        if isinstance(person, Refused):
            return replace(person, target=attempt.target, spent=True)
        return Proven(attempt, person, connection)

    async def _switched(self, refused: Refused, connection: Workspace | None, attempt: Attempt) -> Refused:
        if refused.detail != REPLACED or connection is None or not await switched_away(self._pool, connection, attempt):
            return refused
        return replace(refused, detail=SWITCHED)

    def _bound(self, attempt: Attempt, slug: str, connection: Workspace | None) -> Refused | None:
        """Hold the attempt against what it is bound to (RFC 9700 4.4.2: one redirect URI per connection)."""
        if attempt.slug != slug or attempt.redirect_uri != redirect_uri(self._public_url, slug):
            return Refused("attempt_foreign", "other_workspace")
        if attempt.expired(int(self._clock().timestamp())):
            return Refused("attempt_expired", "too_slow", target=attempt.target)
        if connection is None or connection.closed or (attempt.kind != "test" and not available(connection)):
            return Refused("workspace_unavailable", "sso_off", target=attempt.target)
        if credentials_of(connection, attempt) is None:
            return Refused("attempt_expired", REPLACED, target=attempt.target)
        return None


def provider_kind(connection: Workspace) -> str:
    """Return in whose words the connection's administrator is told what to change."""
    return OKTA if connection.credentials is None else connection.credentials.provider_kind
