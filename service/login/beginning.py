"""What the beginnings of all attempts have in common: a draw, the provider's address, and a cookie that keeps both."""

from typing import Final, NamedTuple

from service.cookiebox import CookieBox
from service.login.attempt import Attempt, AttemptCookies, Kind
from service.login.outcome import Refused
from service.login.state import Draws
from service.oidc.client import RelyingParty
from service.oidc.discovery import ProviderMetadata

LONGEST_HINT: Final = 320


class Begun(NamedTuple):
    """The browser goes to ``location``, with these ``Set-Cookie`` values."""

    location: str
    cookies: list[str]
    attempt: Attempt


class Beginnings:
    """Begins attempts at providers whose metadata are known."""

    def __init__(self, relying_party: RelyingParty, box: CookieBox, cookies: AttemptCookies) -> None:
        self._relying_party = relying_party
        self._draws = Draws(box)
        self._cookies = cookies

    def begin(
        self,
        metadata: ProviderMetadata,
        *,
        slug: str,
        credentials_id: str,
        issuer: str,
        client_id: str,
        redirect_uri: str,
        target: str | None,
        now: int,
        kind: Kind,
        cookie_header: str,
        login_hint: str | None = None,
    ) -> Begun | Refused:
        """Begin an attempt that is bound to what is given, or refuse one that no browser would keep.

        ``target`` is an admitted address or none, ``now`` in seconds since the epoch, ``cookie_header`` what the
        browser sent. A hint that is too long or unprintable is dropped.
        """
        draw = self._draws.next(now)
        # In the order of the fields: names would double what it costs.
        attempt = Attempt(
            slug,
            credentials_id,
            issuer,
            client_id,
            redirect_uri,
            draw.state,
            draw.nonce,
            draw.verifier,
            target,
            now,
            kind,
        )
        kept = self._cookies.keep(attempt)
        if kept is None:
            return Refused("provider_misconfigured", "attempt_too_large", target=target)
        location = self._relying_party.authorization_url(
            metadata, client_id, redirect_uri, draw.state, draw.nonce, draw.challenge, _kept_hint(login_hint)
        )
        surplus = self._cookies.surplus(cookie_header, kept) if cookie_header else []
        return Begun(location, [kept, *surplus], attempt)


def _kept_hint(hint: str | None) -> str | None:
    return hint if hint and len(hint) <= LONGEST_HINT and hint.isprintable() else None
