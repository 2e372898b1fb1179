"""Initiate: from a workspace's address to its provider (OIDC Core 3.1.2.1, and 4 for starts from a tile).

Nothing is written to the database. It is the path that everybody can call, so it does as little as it can.
"""

from events.workspace import UnreadableEvent, Workspace
from service.clock import Clock
from service.cookiebox import CookieBox
from service.identity.read_model import UnusableReadModel
from service.login.attempt import AttemptCookies
from service.login.beginning import Beginnings, Begun
from service.login.connections import Connections
from service.login.outcome import Refused
from service.login.slug import is_slug
from service.login.targets import Targets
from service.oidc.authorization_errors import foreign_issuer
from service.oidc.client import RelyingParty
from service.oidc.errors import OidcError


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
        self._beginnings = Beginnings(relying_party, box, cookies)
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
        time = self._clock().timestamp()
        metadata = self._relying_party.at_hand(credentials.issuer, time)
        if metadata is None:
            try:
                metadata = await self._relying_party.prepare(credentials.issuer)
            except OidcError as error:
                return Refused.of(error, credentials.provider_kind, admitted)
        return self._beginnings.begin(
            metadata,
            slug=slug,
            credentials_id=credentials.credentials_id,
            issuer=credentials.issuer,
            client_id=credentials.client_id,
            redirect_uri=redirect_uri(self._public_url, slug),
            target=admitted,
            now=int(time),
            kind="app" if iss is None else "okta",
            cookie_header=cookie_header,
            login_hint=login_hint,
        )
