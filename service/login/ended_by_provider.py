"""A session at the provider has ended: what rests on it here ends too.

By a logout token that the provider posts (OpenID Connect Back-Channel Logout 1.0), or by an address of ours that it
shows to the browser in a frame (OpenID Connect Front-Channel Logout 1.0).
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from events.workspace_values import Credentials
from service.clock import Clock
from service.db import transaction
from service.identity.resources import Pool
from service.identity.session_ends import end_provider_sessions
from service.identity.spent import spend
from service.login.connections import Connections
from service.login.signing_algorithms import SigningAlgorithms
from service.login.slug import is_slug
from service.oidc.claims import LONGEST_SESSION
from service.oidc.client import RelyingParty
from service.oidc.errors import OidcError
from service.oidc.logout_token import LogoutToken

TOKENS_KEPT: Final = timedelta(hours=1)
"""How long a used token is remembered: by then its age has it refused (``iat``)."""

_MEMBER: Final = """
    select member_id from identity.identities
    where workspace = $1 and issuer = $2 and subject_scope = $3 and subject = $4
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How many sessions changed: none where nobody was signed in any more."""

    sessions: int


@dataclass(frozen=True, slots=True)
class NotEnded:
    """Nothing changed. ``detail`` is a stable slug that names the cause."""

    detail: str


class EndedByProvider:
    """Believes a workspace's own provider that a session there has ended."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        connections: Connections,
        relying_party: RelyingParty,
        algorithms: SigningAlgorithms,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._connections = connections
        self._relying_party = relying_party
        self._algorithms = algorithms

    async def credentials(self, slug: str) -> Credentials | None:
        """Return what the workspace's connection is, where it has one."""
        workspace = await self._connections.get(slug) if is_slug(slug) else None
        return None if workspace is None or workspace.closed else workspace.credentials

    async def by_token(self, slug: str, token: str) -> Ended | NotEnded:
        """End what a logout token names, once per token and in this workspace only."""
        credentials = await self.credentials(slug)
        if credentials is None:
            return NotEnded("workspace_unavailable")
        algorithm = await self._algorithms.of(slug, credentials.credentials_id)
        try:
            read = await self._relying_party.read_logout_token(
                credentials.issuer, credentials.client_id, token, algorithm
            )
        except OidcError as error:
            return NotEnded(error.detail)
        async with transaction(self._pool) as connection:
            # In the transaction of what it does, so that a token counts as used only once that has been done.
            if not await spend(connection, _digest(slug, credentials.issuer, read), self._clock() + TOKENS_KEPT):
                return NotEnded("token_used")
            member_id = None
            if read.subject is not None:
                scope = credentials.client_id if credentials.subject_type == "pairwise" else ""
                member_id = await connection.fetchval(_MEMBER, slug, credentials.issuer, scope, read.subject)
                if member_id is None:
                    return Ended(0)
            return Ended(await end_provider_sessions(connection, slug, credentials.issuer, member_id, read.sid))

    async def by_frame(self, slug: str, iss: str | None, sid: str | None) -> Ended | NotEnded:
        """End the sessions that rest on one at the provider, named by its issuer and ``sid``, which only it knows."""
        credentials = await self.credentials(slug)
        if credentials is None or iss != credentials.issuer:
            return NotEnded("iss_mismatch")
        if sid is None or not 0 < len(sid) <= LONGEST_SESSION or not sid.isprintable():
            return NotEnded("sid_missing")
        async with transaction(self._pool) as connection:
            return Ended(await end_provider_sessions(connection, slug, credentials.issuer, None, sid))


def _digest(slug: str, issuer: str, token: LogoutToken) -> bytes:
    return hashlib.sha256(f"logout token\0{slug}\0{issuer}\0{token.jti}".encode()).digest()
