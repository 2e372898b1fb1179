"""Callback: from the provider's answer to a proven, admitted person (OIDC Core 3.1.2.5 to 3.1.3.8).

The order matters. What the browser holds is looked at first, so that nobody else's browser can use an attempt up; then
what the attempt is bound to; then it is spent, once across all instances; and only then does a code leave for the
provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import asyncpg

from events.workspace import Workspace
from projections.connection import load_connection
from service.clock import Clock
from service.cookiebox import CookieBox
from service.identity.spent import spend
from service.login.attempt import LIFETIME_S, Attempt, AttemptCookies
from service.login.connections import Connections
from service.login.exchange import Exchange
from service.login.initiate import available, redirect_uri
from service.login.outcome import Refused
from service.login.state import state_digest, state_time
from service.oidc.authorization_errors import explain_authorization_error
from service.oidc.client import ProvenPerson
from service.oidc.okta import LOGIN_FLOW

PARAMETERS: Final = ("state", "code", "error", "error_description", "iss", "id_token")
LONGEST_CODE: Final = 2048
SPENT_KEPT: Final = timedelta(hours=24)
"""How long a spent attempt is remembered: far longer than it could be used."""

TOKEN_POSTED: Final = Refused(
    "provider_misconfigured",
    "id_token_posted",
    okta_field=LOGIN_FLOW,
    explanation=(
        "Okta sends the ID token directly to the app (Okta Simplified). Choose “Redirect to app to initiate login "
        "(OIDC Compliant)” and enter the initiate URI."
    ),
)
"""An ID token that nobody asked for answers no request of ours, and would sign in whoever is made to post it."""


@dataclass(frozen=True, slots=True)
class Proven:
    """The provider proved who it is. ``connection`` is what the exchange went by; admission looks at it anew."""

    attempt: Attempt
    person: ProvenPerson
    connection: Workspace


@dataclass(frozen=True, slots=True)
class AlreadyUsed:
    """The attempt, begun at ``started_at`` (seconds since the epoch), was used before: here or on another instance."""

    started_at: int
    target: str | None


class Callback:
    """Answers the provider's redirects."""

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
    ) -> None:
        self._pool = pool
        self._connections = connections
        self._exchange = exchange
        self._box = box
        self._cookies = cookies
        self._public_url = public_url
        self._clock = clock

    async def answer(self, slug: str, fields: Mapping[str, str], cookie_header: str) -> Proven | AlreadyUsed | Refused:
        """Judge one answer of the provider. ``fields`` holds each of :data:`PARAMETERS` at most once."""
        if "id_token" in fields and not fields.get("code"):
            return TOKEN_POSTED
        attempt = await self._find_attempt(fields, cookie_header)
        if not isinstance(attempt, Attempt):
            return attempt
        connection = await self._connections.get(slug)
        refused = self._bound(attempt, slug, connection)
        if refused is not None and refused.reason != "attempt_foreign":
            # The attempt may have been begun, elsewhere, on a change that has not been heard of here yet.
            connection = await load_connection(self._pool, slug)
            refused = self._bound(attempt, slug, connection)
        if refused is not None or connection is None:
            return refused or Refused("workspace_unavailable", target=attempt.target)
        refused = await self._refuse_answer(attempt, fields)
        if refused is not None and not refused.spent:
            return refused
        if not await spend(self._pool, state_digest(attempt.state), self._clock() + SPENT_KEPT):
            return AlreadyUsed(attempt.started_at, attempt.target)
        if refused is not None:
            return refused
        person = await self._exchange.complete(connection, attempt, fields["code"])
        if isinstance(person, Refused):
            return replace(person, target=attempt.target, spent=True)
        return Proven(attempt, person, connection)

    async def _find_attempt(self, fields: Mapping[str, str], cookie_header: str) -> Attempt | AlreadyUsed | Refused:
        state = fields.get("state")
        if not state:
            return (
                Refused("provider_error", "state_missing")
                if "error" in fields
                else Refused("attempt_missing", "no_state")
            )
        sent, attempt = self._cookies.find(cookie_header, state)
        if attempt is not None:
            return attempt
        if sent:
            return Refused("attempt_foreign", "cookie_unreadable")
        made_at = state_time(self._box, state)
        if made_at is None:
            return Refused("attempt_missing", "state_unknown")
        if await self._is_spent(state):
            return AlreadyUsed(made_at, None)
        if int(self._clock().timestamp()) - made_at >= LIFETIME_S:
            return Refused("attempt_expired", "cookie_gone")
        return Refused("attempt_missing", "cookie_gone")

    def _bound(self, attempt: Attempt, slug: str, connection: Workspace | None) -> Refused | None:
        """Hold the attempt against what it is bound to (RFC 9700 4.4.2: one redirect URI per connection)."""
        if attempt.slug != slug or attempt.redirect_uri != redirect_uri(self._public_url, slug):
            return Refused("attempt_foreign", "other_workspace")
        if attempt.expired(int(self._clock().timestamp())):
            return Refused("attempt_expired", "too_slow", target=attempt.target)
        if connection is None or not available(connection) or connection.credentials is None:
            return Refused("workspace_unavailable", "sso_off", target=attempt.target)
        active = connection.credentials
        bound = (attempt.credentials_id, attempt.issuer, attempt.client_id)
        if bound != (active.credentials_id, active.issuer, active.client_id):
            return Refused("attempt_expired", "credentials_replaced", target=attempt.target)
        return None

    async def _refuse_answer(self, attempt: Attempt, fields: Mapping[str, str]) -> Refused | None:
        if await self._exchange.foreign_issuer(attempt, fields.get("iss")):
            return Refused("issuer_mismatch", "foreign_issuer", target=attempt.target, spent=True)
        if "error" in fields:
            error = explain_authorization_error(fields["error"], fields.get("error_description", ""))
            return Refused.of(error, attempt.target, spent=True)
        code = fields.get("code", "")
        if not code:
            return Refused("provider_error", "code_missing", target=attempt.target)
        if len(code) > LONGEST_CODE or not code.isascii() or not code.isprintable():
            return Refused("code_rejected", "code_malformed", target=attempt.target)
        return None

    async def _is_spent(self, state: str) -> bool:
        return bool(
            await self._pool.fetchval(
                "select true from identity.spent_attempts where attempt_hash = $1", state_digest(state)
            )
        )
