"""Which network addresses a provider may live at, whatever a name resolves to.

The check runs on the address of every single connection (literals and cached answers included), so that nothing that
DNS answers between a check and a connection matters.
"""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp import AddrInfoType

# IANA's special-purpose registries, as of RFC 6890 and later. The standard library's lists differ between versions.
_CLOSED_4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform services, on an address that looks public
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved and broadcast
    )
)
_OPEN_6: Final = IPv6Network("2000::/3")
# Within 2000::/3: protocol assignments with Teredo and ORCHID, documentation, and 6to4, which carries an IPv4 address.
_CLOSED_6: Final = tuple(
    IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)

SocketFactory = Callable[[AddrInfoType], socket.socket]


class AddressRefused(OSError):
    """The name leads to an address at which no provider lives. The message is the same for every address."""

    def __init__(self) -> None:
        super().__init__("the address is not a public one")


def is_public(address: str) -> bool:
    """Whether the address is one of the public internet. What is no address is not public."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _CLOSED_4)
    return ip in _OPEN_6 and not any(ip in network for network in _CLOSED_6)


def is_loopback(address: str) -> bool:
    """Whether the address is this machine's own."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def guarded_sockets(*, allow_loopback: bool) -> SocketFactory:
    """Return a socket factory that makes sockets for public addresses only, and for loopback where that is allowed.

    The factory raises :class:`AddressRefused` for any other address.
    """

    def make(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, sockaddr = info
        host = str(sockaddr[0])
        if not (is_public(host) or (allow_loopback and is_loopback(host))):
            raise AddressRefused
        return socket.socket(family=family, type=kind, proto=protocol)

    return make
