"""Finds who is at the other end, through the proxies that settings trust and no others."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp import web

MOST_HOPS: Final = 16

Network = IPv4Network | IPv6Network


def _address(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the client's address: the first from the right in ``X-Forwarded-For`` that is no trusted proxy.

    What stands further left was written by that client and proves nothing.
    """
    address = _address(peer)
    if address is None:
        return peer
    hops = [hop for line in forwarded_for for hop in line.split(",")]
    for hop in reversed(hops[-MOST_HOPS:]):
        if not any(address in network for network in trusted):
            break
        further = _address(hop)
        if further is None:
            break
        address = further
    return str(address)


def find_client(request: web.Request, trusted: Sequence[Network]) -> str:
    """Return the address of the client behind a request."""
    peer = request.remote or ""
    return client_address(peer, request.headers.getall("X-Forwarded-For", ()), trusted) if trusted else peer
