"""A test sign-in: an attempt under credentials of choice, which opens nothing (see ``service.identity.decision``)."""

from dataclasses import replace

from events.workspace_values import Credentials
from service.clock import Clock
from service.cookiebox import CookieBox
from service.login.attempt import AttemptCookies
from service.login.beginning import Beginnings, Begun
from service.login.initiate import redirect_uri
from service.login.outcome import Refused
from service.oidc.client import RelyingParty
from service.oidc.errors import OidcError


class Trials:
    """Begins test sign-ins. Who may begin one is for the caller to know."""

    def __init__(
        self, relying_party: RelyingParty, box: CookieBox, cookies: AttemptCookies, public_url: str, clock: Clock
    ) -> None:
        self._relying_party = relying_party
        self._beginnings = Beginnings(relying_party, box, cookies)
        self._public_url = public_url
        self._clock = clock

    async def begin(self, slug: str, credentials: Credentials, back: str, cookie_header: str) -> Begun | Refused:
        """Begin a test of these credentials, or say why not. ``back`` is the page here that shows how it ended."""
        try:
            metadata = await self._relying_party.prepare(credentials.issuer)
        except OidcError as error:
            refused = Refused.of(error, credentials.provider_kind, back)
            return replace(refused, tested=credentials.credentials_id)
        begun = self._beginnings.begin(
            metadata,
            slug=slug,
            credentials_id=credentials.credentials_id,
            issuer=credentials.issuer,
            client_id=credentials.client_id,
            redirect_uri=redirect_uri(self._public_url, slug),
            target=back,
            now=int(self._clock().timestamp()),
            kind="test",
            cookie_header=cookie_header,
        )
        return begun if isinstance(begun, Begun) else replace(begun, tested=credentials.credentials_id)
