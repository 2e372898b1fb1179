"""Limits how often one address, and the network that it is in, may ask for what begins or ends a sign-in.

Nothing here counts for a workspace: whoever may ask without showing anything must not use up what its people share.
What they share is the provider, which is asked only for attempts that the browser has shown to have begun
(``service.login.callback``).

Requests from this machine are not limited: a proxy that the settings do not name looks like that, and limiting it would
lock out everybody behind it at once.
"""

from ipaddress import IPv6Address, ip_address
from typing import Final

from aiohttp import web

from service.address_rate import AddressRate
from service.web.refusal import PageRefusal

LIMITED: Final = frozenset(
    {
        "/api/sso/initiate/{slug}",
        "/api/sso/callback/{slug}",
        "/invitation/{token}",
        "/link/{token}",
        "/login",
        "/login/exception",
        "/login/sso",
        "/login/magic-link",
        "/login/magic-link/{token}",
        "/login/google",
        "/login/google/callback",
        "/login/google/switch",
        "/open/{slug}",
        "/recovery",
        "/recovery/desk",
        "/recovery/desk/{action}",
        "/recovery/{token}",
        "/setup/desk",
        "/setup/desk/{action}",
        "/setup/{token}",
        "/sign-in/switch",
        "/workspaces/{slug}/connection",
        "/workspaces/{slug}/connection/{action}",
        "/workspaces/{slug}/recovery-codes",
    }
)
MAILS_PER_MINUTE: Final = 20
WORKSPACE_FACTOR: Final = 20
"""How many times the rate of one address a workspace's people together may reach, at its provider."""
REJECTED_CODE: Final = 10
"""What a code that the provider rejects costs, in requests: codes that are made up use up the provider's patience."""


def _is_here(address: str) -> bool:
    if address.startswith("127."):
        return True
    try:
        read = ip_address(address)
    except ValueError:
        return False
    mapped = read.ipv4_mapped if isinstance(read, IPv6Address) else None
    return (mapped or read).is_loopback


class SignInLimits(AddressRate):
    """The limits of pages; ``per_minute`` is the rate of one address, or of one IPv6 subnet."""

    def check(self, address: str) -> None:
        """Count one request.

        Raises:
            PageRefusal: ``rate_limited``, with the seconds to wait.
        """
        wait = 0 if _is_here(address) else self.wait(address)
        if wait:
            raise PageRefusal("rate_limited", retry_after=wait)

    def rejected(self, address: str) -> None:
        """Count what a code costs that the provider has rejected, on top of its request."""
        if not _is_here(address):
            self.charge(address, REJECTED_CODE - 1)


SIGN_IN_LIMITS: Final[web.AppKey[SignInLimits]] = web.AppKey("sign_in_limits")


class MailLimit(SignInLimits):
    """How many mails one address may have sent to others: far fewer than it may load pages."""

    def __init__(self) -> None:
        super().__init__(MAILS_PER_MINUTE)
