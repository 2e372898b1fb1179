"""Which addresses of the web the service speaks to on a provider's behalf."""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

LONGEST_URL: Final = 2048
HTTPS_PORT: Final = 443

_LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "[::1]", "localhost"})
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*)(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


class UrlRefused(ValueError):
    """The address is not one that the service speaks to. The message is a phrase that says why."""


class Url(NamedTuple):
    """The parts of an absolute address without userinfo and fragment. ``host`` is in lower case."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def is_loopback(self) -> bool:
        """Whether it names this machine."""
        return self.host in _LOOPBACK_HOSTS


@dataclass(frozen=True, slots=True)
class ProviderPolicy:
    """What the operator allows.

    ``allow_loopback`` lets a provider live on this machine, on any port and without TLS: for development.
    ``allowed_hosts`` are hosts (``host`` or ``host:port``) at which any provider may have endpoints, and the only ones
    that may use another port than 443.
    """

    allow_loopback: bool = False
    allowed_hosts: frozenset[str] = frozenset()

    def check(self, url: object) -> Url:
        """Return the parts of an address that the service may speak to.

        Raises:
            UrlRefused: it is none.
        """
        parts = _parse(url)
        if parts.is_loopback:
            if not self.allow_loopback:
                raise UrlRefused("it is on this machine")
            return parts
        if parts.scheme != "https":
            raise UrlRefused("it is not https")
        if parts.host.startswith("[") or _NUMBER.fullmatch(parts.host.rpartition(".")[2]):
            raise UrlRefused("it is an IP address instead of a name")
        if "." not in parts.host:
            raise UrlRefused("its host is not a full name")
        if parts.port != HTTPS_PORT and f"{parts.host}:{parts.port}" not in self.allowed_hosts:
            raise UrlRefused("it uses another port than 443")
        return parts

    def check_endpoint(self, url: object, issuer: Url) -> str:
        """Return an endpoint's address if it is at the issuer's own host or at an allowed one.

        Raises:
            UrlRefused: it may not.
        """
        parts = self.check(url)
        if parts.host != issuer.host and not {parts.host, f"{parts.host}:{parts.port}"} & self.allowed_hosts:
            raise UrlRefused("it is at another host than the issuer")
        return str(url)


def _parse(url: object) -> Url:
    if not isinstance(url, str) or len(url) > LONGEST_URL:
        raise UrlRefused("it is not an address")
    match = _URL.fullmatch(url)
    if match is None:
        raise UrlRefused("it is not a plain https address")
    scheme = match["scheme"]
    port = int(match["port"]) if match["port"] else HTTPS_PORT if scheme == "https" else 80
    if {".", ".."} & set(match["path"].split("/")):
        raise UrlRefused("its path has dot segments")
    return Url(scheme, match["host"].lower(), port, match["path"], match["query"] or "")
