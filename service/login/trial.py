"""A test sign-in: an attempt under credentials of choice, which opens nothing (see ``service.identity.decision``)."""

from dataclasses import replace

from events.workspace_values import Credentials
from service.clock import Clock
from service.cookiebox import CookieBox
from service.login.attempt import Attempt, AttemptCookies
from service.login.initiate import Begun, redirect_uri
from service.login.outcome import Refused
from service.login.state import Draws
from service.oidc.client import RelyingParty
from service.oidc.errors import OidcError


class Trials:
    """Begins test sign-ins. Who may begin one is for the caller to know."""

    def __init__(
        self, relying_party: RelyingParty, box: CookieBox, cookies: AttemptCookies, public_url: str, clock: Clock
    ) -> None:
        self._relying_party = relying_party
        self._draws = Draws(box)
        self._cookies = cookies
        self._public_url = public_url
        self._clock = clock

    async def begin(self, slug: str, credentials: Credentials, back: str, cookie_header: str) -> Begun | Refused:
        """Begin a test of these credentials, or say why not. ``back`` is the page here that shows how it ended."""
        uri = redirect_uri(self._public_url, slug)
        try:
            metadata = await self._relying_party.prepare(credentials.issuer)
        except OidcError as error:
            refused = Refused.of(error, credentials.provider_kind, back)
            return replace(refused, tested=credentials.credentials_id)
        now = int(self._clock().timestamp())
        draw = self._draws.next(now)
        attempt = Attempt(
            slug=slug,
            credentials_id=credentials.credentials_id,
            issuer=credentials.issuer,
            client_id=credentials.client_id,
            redirect_uri=uri,
            state=draw.state,
            nonce=draw.nonce,
            verifier=draw.verifier,
            target=back,
            started_at=now,
            kind="test",
        )
        kept = self._cookies.keep(attempt)
        if kept is None:
            tested = credentials.credentials_id
            return Refused("provider_misconfigured", "attempt_too_large", target=back, tested=tested)
        location = self._relying_party.authorization_url(
            metadata, credentials.client_id, uri, draw.state, draw.nonce, draw.challenge
        )
        return Begun(location, [kept, *self._cookies.surplus(cookie_header, kept)], attempt)
