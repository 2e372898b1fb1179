"""An answer of a provider, held against the attempt that asked for it: this browser's, whole, and used once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from service.clock import Clock
from service.cookiebox import CookieBox
from service.identity.spent import AttemptsSpent
from service.login.attempt import LIFETIME_S, Attempt, AttemptCookies
from service.login.outcome import Refused
from service.login.state import state_digest, state_time
from service.oidc.authorization_errors import explain_authorization_error, foreign_issuer

LONGEST_CODE: Final = 2048
SPENT_KEPT: Final = timedelta(hours=24)
"""How long a spent attempt is remembered: far longer than it could be used."""


@dataclass(frozen=True, slots=True)
class AlreadyUsed:
    """The attempt, begun at ``started_at`` (seconds since the epoch), was used before: here or on another instance."""

    started_at: int
    target: str | None
    test: bool = False


class ReturnedAttempts:
    """Finds the attempts that answers belong to, and uses them up."""

    def __init__(
        self, pool: "asyncpg.Pool[asyncpg.Record]", box: CookieBox, cookies: AttemptCookies, clock: Clock
    ) -> None:
        self._pool = pool
        self._spent = AttemptsSpent(pool)
        self._box = box
        self._cookies = cookies
        self._clock = clock

    async def find(self, fields: Mapping[str, str], cookie_header: str) -> Attempt | AlreadyUsed | Refused:
        """Return the attempt with the answer's state that this browser holds, or why there is none."""
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

    async def spend(self, attempt: Attempt) -> AlreadyUsed | None:
        """Use the attempt up, once across all instances; whoever comes later is told so."""
        begun_at = datetime.fromtimestamp(attempt.started_at, UTC)
        if await self._spent.spend(state_digest(attempt.state), self._clock() + SPENT_KEPT, begun_at):
            return None
        return AlreadyUsed(attempt.started_at, attempt.target, attempt.kind == "test")

    async def _is_spent(self, state: str) -> bool:
        return bool(
            await self._pool.fetchval(
                "select true from identity.spent_attempts where attempt_hash = $1", state_digest(state)
            )
        )


def refused_answer(
    attempt: Attempt, fields: Mapping[str, str], provider_kind: str, *, is_foreign: bool
) -> Refused | None:
    """Return what keeps the answer from being exchanged, before any code leaves for the provider.

    ``is_foreign`` says that it comes from another issuer than the attempt went to (RFC 9207 2.4).
    """
    if is_foreign:
        error = foreign_issuer(fields.get("iss"), attempt.issuer)
        return Refused.of(error, provider_kind, attempt.target, spent=True)
    if "error" in fields:
        error = explain_authorization_error(fields["error"], fields.get("error_description", ""))
        return Refused.of(error, provider_kind, attempt.target, spent=True)
    code = fields.get("code", "")
    if not code:
        return Refused("provider_error", "code_missing", target=attempt.target)
    if len(code) > LONGEST_CODE or not code.isascii() or not code.isprintable():
        return Refused("code_rejected", "code_malformed", target=attempt.target)
    return None
