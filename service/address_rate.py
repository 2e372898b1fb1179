"""How often one address may ask, and the network that it is in: whoever has one IPv6 address has very many."""

from ipaddress import IPv6Address
from typing import Final

from service.limits import RateLimit

SUBNET_CHARACTERS: Final = len("2001:0db8:0000:0000")
SITE_CHARACTERS: Final = len("2001:0db8:0000")
SITE_FACTOR: Final = 8
"""How many times the rate of one IPv6 subnet (/64) its whole site (/48) may reach."""


def networks(address: str) -> tuple[str, str | None]:
    """Return what an address is counted by: itself, or its IPv6 subnet and site, however its zeros are written."""
    if ":" not in address:
        return address, None
    try:
        read = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address, None
    if read.ipv4_mapped is not None:
        return str(read.ipv4_mapped), None
    return read.exploded[:SUBNET_CHARACTERS], read.exploded[:SITE_CHARACTERS]


class AddressRate:
    """A limit; ``per_minute`` is the rate of one address, or of one IPv6 subnet."""

    def __init__(self, per_minute: int) -> None:
        self._by_address = RateLimit(per_minute)
        self._by_site = RateLimit(per_minute * SITE_FACTOR)

    def wait(self, address: str) -> int:
        """Count one request. Returns 0 when it may go on, else the whole seconds to wait."""
        network, site = networks(address)
        wait = self._by_address.wait(network)
        if not wait and site is not None:
            wait = self._by_site.wait(site)
        return wait

    def charge(self, address: str, requests: int) -> None:
        """Count what cost as much as so many requests, however many there were before."""
        network, site = networks(address)
        self._by_address.charge(network, requests)
        if site is not None:
            self._by_site.charge(site, requests)
