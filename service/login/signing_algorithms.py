"""Which algorithm signs the tokens of a connection, as its sign-ins have shown.

A client is registered with one (``id_token_signed_response_alg``), and the provider does not announce which. Logout
tokens are signed by the same one (OpenID Connect Back-Channel Logout 2.6).
"""

from typing import Final

import structlog

from service.db import TROUBLE
from service.identity.resources import Pool

log = structlog.get_logger("login")

MOST_KNOWN: Final = 10_000

_LEARN: Final = """
    insert into identity.signing_algorithms (workspace, credentials_id, alg) values ($1, $2, $3)
    on conflict (workspace, credentials_id) do update set alg = excluded.alg
    where signing_algorithms.alg <> excluded.alg
"""


class SigningAlgorithms:
    """Remembers them for all instances. A sign-in that shows nothing new costs no statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[str, str] = {}

    async def learn(self, slug: str, credentials_id: str, alg: str) -> None:
        """Note what signed the ID token of a sign-in. The sign-in stands, whatever happens here."""
        if self._known.get(credentials_id) == alg:
            return
        try:
            await self._pool.execute(_LEARN, slug, credentials_id, alg)
        except TROUBLE:
            log.warning("signing_algorithm_not_noted", workspace=slug, exc_info=True)
            return
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[credentials_id] = alg

    async def of(self, slug: str, credentials_id: str) -> str | None:
        """Return what signed the last ID token through these credentials, ``None`` before the first one."""
        alg = await self._pool.fetchval(
            "select alg from identity.signing_algorithms where workspace = $1 and credentials_id = $2",
            slug,
            credentials_id,
        )
        return None if alg is None else str(alg)
