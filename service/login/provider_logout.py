"""The way out: from signing out here to the provider's own sign-out, and back (OpenID Connect RP-Initiated Logout 1.0).

The session here has ended before the browser leaves. What comes back is shown as a page and changes nothing.
"""

import asyncio
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

import structlog

from events.workspace import UnreadableEvent
from events.workspace_values import Credentials
from service.cookiebox import CookieBox
from service.identity.authentication import Authentication
from service.identity.logout_hint import open_hint
from service.identity.read_model import UnusableReadModel
from service.login.connections import Connections
from service.oidc.client import RelyingParty
from service.oidc.errors import OidcError

log = structlog.get_logger("logout")

WAIT_S: Final = 3.0
"""How long a sign-out waits for a provider that has not been spoken to lately."""
STATE_LIFETIME_S: Final = 600
STATE_BYTES: Final = 24


def sign_out_redirect_uri(public_url: str, slug: str) -> str:
    """Return the address at which the provider sends the browser back: from settings, whatever a request says."""
    return f"{public_url}/api/sso/signed-out/{slug}"


@dataclass(frozen=True, slots=True)
class LeadingOut:
    """The browser goes to ``location``, the provider's own, with this ``Set-Cookie`` value."""

    location: str
    cookie: str


class ProviderLogout:
    """Takes people to their provider's sign-out. ``secure`` says whether browsers come by https."""

    def __init__(
        self, connections: Connections, relying_party: RelyingParty, box: CookieBox, public_url: str, *, secure: bool
    ) -> None:
        self._connections = connections
        self._relying_party = relying_party
        self._box = box
        self._public_url = public_url
        self._cookie = "__Host-keyledger-signing-out" if secure else "keyledger-signing-out"
        self._flags = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    async def begin(self, authentications: Sequence[Authentication]) -> LeadingOut | None:
        """Return the way to the provider that the ended session's latest sign-in rests on.

        ``None`` where its workspace does not want that, the provider does not offer it or does not answer in time, or
        no ID token was kept.
        """
        for one in reversed(authentications):
            if one.method == "sso" and one.hint is not None and one.workspace is not None:
                return await self._lead_out(one, one.workspace)
        return None

    async def _lead_out(self, authentication: Authentication, slug: str) -> LeadingOut | None:
        try:
            workspace = await self._connections.get(slug)
        except (UnreadableEvent, UnusableReadModel):
            # Whoever signs out is signed out here, whatever the workspace's events say.
            return None
        if workspace is None or not workspace.provider_logout or workspace.credentials is None:
            return None
        credentials = workspace.credentials
        hint = open_hint(self._box, authentication, credentials.client_id)
        if hint is None or authentication.issuer != credentials.issuer:
            return None
        endpoint = await self._endpoint(slug, credentials)
        if endpoint is None:
            return None
        state = secrets.token_urlsafe(STATE_BYTES)
        asked = urlencode(
            {
                "id_token_hint": hint.get_secret_value(),
                "post_logout_redirect_uri": sign_out_redirect_uri(self._public_url, slug),
                "state": state,
            },
            quote_via=quote,
        )
        cookie = f"{self._cookie}={slug}.{state}; Max-Age={STATE_LIFETIME_S}{self._flags}"
        return LeadingOut(f"{endpoint}{'&' if '?' in endpoint else '?'}{asked}", cookie)

    async def _endpoint(self, slug: str, credentials: Credentials) -> str | None:
        try:
            async with asyncio.timeout(WAIT_S):
                metadata = await self._relying_party.prepare(credentials.issuer)
        except (OidcError, TimeoutError) as error:
            log.warning("provider_logout_not_begun", workspace=slug, why=str(error) or "timeout")
            return None
        return metadata.end_session_endpoint

    def came_back(self, slug: str, state: str | None, cookies: Mapping[str, str]) -> bool:
        """Whether this browser went out from here to this workspace's provider, and this is the answer to that."""
        sent = cookies.get(self._cookie, "")
        return state is not None and hmac.compare_digest(sent.encode(), f"{slug}.{state}".encode())

    def dropped(self) -> str:
        """Return the ``Set-Cookie`` value that ends the waiting for an answer."""
        return f'{self._cookie}=""; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT{self._flags}'
