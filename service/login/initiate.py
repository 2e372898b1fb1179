"""Initiate: from a workspace's address to its provider (OIDC Core 3.1.2.1, and 4 for starts from a tile).

Nothing is written to the database. It is the path that everybody can call, so it does as little as it can.
"""

from typing import Final, NamedTuple
from urllib.parse import quote

from events.workspace import UnreadableEvent, Workspace
from service.clock import Clock
from service.cookiebox import CookieBox
from service.identity.read_model import UnusableReadModel
from service.login.attempt import Attempt, AttemptCookies
from service.login.connections import Connections
from service.login.outcome import Refused
from service.login.slug import is_slug
from service.login.state import Draws
from service.login.targets import Targets
from service.oidc.authorization_errors import foreign_issuer
from service.oidc.client import RelyingParty
from service.oidc.errors import OidcError

LONGEST_HINT: Final = 320


class Begun(NamedTuple):
    """The browser goes to ``location``, with these ``Set-Cookie`` values."""

    location: str
    cookies: list[str]
    attempt: Attempt


def available(connection: Workspace | None) -> bool:
    """Whether the workspace takes SSO now, as recorded."""
    return (
        connection is not None
        and connection.sso_enabled
        and connection.credentials is not None
        and not connection.closed
    )


def redirect_uri(public_url: str, slug: str) -> str:
    """Return the address at which the provider sends the browser back: from settings, whatever a request says."""
    return f"{public_url}/api/sso/callback/{slug}"


def kept_hint(hint: str | None) -> str | None:
    """Return the login hint if it can be one; a longer or an unprintable one is dropped."""
    return hint if hint and len(hint) <= LONGEST_HINT and hint.isprintable() else None


class Initiate:
    """Begins login attempts."""

    def __init__(
        self,
        *,
        connections: Connections,
        relying_party: RelyingParty,
        box: CookieBox,
        cookies: AttemptCookies,
        targets: Targets,
        public_url: str,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._relying_party = relying_party
        self._draws = Draws(box)
        self._cookies = cookies
        self._targets = targets
        self._public_url = public_url
        self._clock = clock

    async def begin(
        self, slug: str, *, iss: str | None, login_hint: str | None, target: str | None, cookie_header: str
    ) -> Begun | Refused:
        """Begin an attempt for the workspace, or say why not. Unknown, disabled and off-plan are one refusal."""
        admitted = None if target is None else self._targets.admit(target)
        if not is_slug(slug):
            return Refused("workspace_unavailable", target=admitted)
        try:
            connection = self._connections.at_hand(slug) or await self._connections.get(slug)
        except (UnreadableEvent, UnusableReadModel):
            return Refused("workspace_unavailable", "read_model_unusable", target=admitted)
        if connection is None or not available(connection) or connection.credentials is None:
            return Refused("workspace_unavailable", target=admitted)
        credentials = connection.credentials
        if iss is not None and iss != credentials.issuer:
            return Refused.of(foreign_issuer(iss, credentials.issuer), credentials.provider_kind, admitted)
        uri = redirect_uri(self._public_url, slug)
        time = self._clock().timestamp()
        metadata = self._relying_party.at_hand(credentials.issuer, time)
        if metadata is None:
            try:
                metadata = await self._relying_party.prepare(credentials.issuer)
            except OidcError as error:
                return Refused.of(error, credentials.provider_kind, admitted)
        now = int(time)
        draw = self._draws.next(now)
        # In the order of the fields: names would double what it costs.
        attempt = Attempt(
            slug,
            credentials.credentials_id,
            credentials.issuer,
            credentials.client_id,
            uri,
            draw.state,
            draw.nonce,
            draw.verifier,
            admitted,
            now,
            "app" if iss is None else "okta",
        )
        prefix = self._relying_party.authorization_prefix(metadata, credentials.client_id, uri)
        # What is drawn is base64url and needs no quoting; this path is called too often to look.
        location = f"{prefix}&state={draw.state}&nonce={draw.nonce}&code_challenge={draw.challenge}"
        hint = kept_hint(login_hint)
        if hint is not None:
            location = f"{location}&login_hint={quote(hint, safe='')}"
        kept = self._cookies.keep(attempt)
        if kept is None:
            return Refused("provider_misconfigured", "attempt_too_large", target=admitted)
        surplus = self._cookies.surplus(cookie_header, kept) if cookie_header else []
        return Begun(location, [kept, *surplus], attempt)
