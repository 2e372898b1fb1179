"""A login attempt: one run from initiate to callback, in a sealed cookie of its own in the browser that began it."""

from typing import Final, Literal, NamedTuple

import orjson

from service.cookiebox import CookieBox

LIFETIME_S: Final = 30 * 60
CLOCK_SKEW_S: Final = 60
"""By how much another instance's clock may be ahead."""
MOST_AT_ONCE: Final = 5
LARGEST_COOKIE: Final = 3072
LARGEST_TOGETHER: Final = 5120

_PURPOSE = "login attempt"
_NAME = "keyledger-attempt-"
_NAME_STATE_CHARACTERS = 20

Kind = Literal["app", "okta", "test"]


class Attempt(NamedTuple):
    """What the callback has to know of the initiate that it answers. Bound to slug, issuer, client and redirect URI."""

    slug: str
    credentials_id: str
    issuer: str
    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    verifier: str
    target: str | None
    started_at: int
    kind: Kind

    def __repr__(self) -> str:
        return f"<Attempt for {self.slug} begun at {self.started_at}>"

    def expired(self, now: int) -> bool:
        """Whether the attempt is older than slow multi-factor sign-ins need."""
        return not -CLOCK_SKEW_S <= now - self.started_at < LIFETIME_S


class AttemptCookies:
    """Attempts as cookies: one each, so that tabs work side by side, with a bound on their number and on their size.

    ``secure`` says whether browsers come by https; only then may a cookie carry ``Secure`` and the ``__Host-`` prefix
    that keeps sibling hosts from planting one (RFC 6265bis 4.1.3.2).
    """

    def __init__(self, box: CookieBox, *, secure: bool) -> None:
        self._box = box
        self._prefix = ("__Host-" if secure else "") + _NAME
        self._flags = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
        self._kept = f"; Max-Age={LIFETIME_S}{self._flags}"
        self._gone = f'=""; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT{self._flags}'

    def name(self, state: str) -> str:
        """Return the name of the cookie that holds the attempt with this state."""
        return self._prefix + state[:_NAME_STATE_CHARACTERS]

    def keep(self, attempt: Attempt) -> str | None:
        """Return the ``Set-Cookie`` value that keeps the attempt, ``None`` when it would be too large for browsers."""
        name = self.name(attempt.state)
        value = orjson.dumps(tuple(attempt))
        text = f"{name}={self._box.seal(_PURPOSE, value, name)}"
        return text + self._kept if len(text) <= LARGEST_COOKIE else None

    def drop(self, state: str) -> str:
        """Return the ``Set-Cookie`` value that deletes the attempt's cookie, with the flags it was set with."""
        return self.name(state) + self._gone

    def find(self, cookie_header: str, state: str) -> tuple[bool, Attempt | None]:
        """Return whether the browser sent a cookie for this state, and the attempt if one of them is ours.

        A cookie of the same name planted beside ours does not hide it.
        """
        name = self.name(state)
        values = [value for found, value in self._sent(cookie_header) if found == name]
        for value in values:
            attempt = self._open(name, value)
            if attempt is not None and attempt.state == state:
                return True, attempt
        return bool(values), None

    def surplus(self, cookie_header: str, new: str) -> list[str]:
        """Return the ``Set-Cookie`` values that make room for ``new``: unreadable ones go, then the oldest."""
        if self._prefix not in cookie_header:
            return []
        sent = list(self._sent(cookie_header))
        size = sum(len(name) + len(value) for name, value in sent) + len(new)
        if len(sent) < MOST_AT_ONCE and size <= LARGEST_TOGETHER:
            return []
        opened = [(self._open(name, value), name, len(name) + len(value)) for name, value in sent]
        by_age = sorted(opened, key=lambda item: item[0].started_at if item[0] else 0)
        kept, dropped = len(sent), []
        for attempt, name, length in by_age:
            if attempt is None or kept >= MOST_AT_ONCE or size > LARGEST_TOGETHER:
                dropped.append(name + self._gone)
                kept, size = kept - 1, size - length
        return dropped

    def _sent(self, cookie_header: str) -> list[tuple[str, str]]:
        pairs = (pair.strip().partition("=") for pair in cookie_header.split(";"))
        return [(name, value.strip('"')) for name, _, value in pairs if name.startswith(self._prefix)]

    def _open(self, name: str, value: str) -> Attempt | None:
        raw = self._box.open(_PURPOSE, value, name)
        return Attempt(*orjson.loads(raw)) if raw is not None else None
