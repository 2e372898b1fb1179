"""Limits how often one address, and everybody together for one workspace, may start or finish a sign-in.

Requests from this machine are not limited: a proxy that the settings do not name looks like that, and limiting it would
lock out everybody behind it at once.
"""

from ipaddress import ip_address
from typing import Final

from service.limits import RateLimit
from service.web.refusal import PageRefusal

LIMITED: Final = frozenset(
    {
        "/api/sso/initiate/{slug}",
        "/api/sso/callback/{slug}",
        "/login",
        "/login/sso",
        "/login/magic-link",
        "/login/magic-link/{token}",
        "/login/google",
        "/login/google/callback",
        "/login/google/switch",
        "/recovery",
        "/recovery/{token}",
        "/setup/{token}",
    }
)
MAILS_PER_MINUTE: Final = 20
NETWORK_CHARACTERS: Final = len("2001:0db8:0000:0000")
WORKSPACE_FACTOR: Final = 20
"""How many times the rate of one address all addresses together may reach for one workspace."""


def _network(address: str) -> str:
    """Whoever has one IPv6 address has the whole /64, however its zeros are written."""
    if ":" not in address:
        return address
    try:
        return ip_address(address.partition("%")[0]).exploded[:NETWORK_CHARACTERS]
    except ValueError:
        return address


def _is_here(address: str) -> bool:
    if address.startswith("127."):
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


class SignInLimits:
    """The two limits; ``per_minute`` is the rate of one address."""

    def __init__(self, per_minute: int) -> None:
        self._by_address = RateLimit(per_minute)
        self._by_workspace = RateLimit(per_minute * WORKSPACE_FACTOR)

    def check(self, address: str, slug: str | None) -> None:
        """Count one request; ``slug`` where it is for one workspace.

        Raises:
            PageRefusal: ``rate_limited``, with the seconds to wait.
        """
        if _is_here(address):
            return
        wait = self._by_address.wait(_network(address))
        if not wait and slug is not None:
            wait = self._by_workspace.wait(slug[:64])
        if wait:
            raise PageRefusal("rate_limited", retry_after=wait)


class MailLimit:
    """How many mails one address may have sent to others: far fewer than it may load pages."""

    def __init__(self) -> None:
        self._by_address = RateLimit(MAILS_PER_MINUTE)

    def check(self, address: str) -> None:
        """Count one mail.

        Raises:
            PageRefusal: ``rate_limited``, with the seconds to wait.
        """
        wait = 0 if _is_here(address) else self._by_address.wait(_network(address))
        if wait:
            raise PageRefusal("rate_limited", retry_after=wait)
