"""At which network addresses a provider may live."""

import socket

import pytest

from service.oidc.addresses import AddressRefused, guarded_sockets, is_public

CLOSED = {
    "H01 loopback": "127.0.0.1",
    "H01 all of loopback": "127.255.255.254",
    "H01 IPv6 loopback": "::1",
    "H01 mapped loopback": "::ffff:127.0.0.1",
    "H01 mapped private": "::ffff:10.0.0.1",
    "H01 compatible": "::127.0.0.1",
    "H01 metadata": "169.254.169.254",
    "H01 IPv6 metadata": "fd00:ec2::254",
    "H01 Alibaba's metadata": "100.100.100.200",
    "H01 Oracle's metadata": "192.0.0.192",
    "H01 Azure's platform": "168.63.129.16",
    "H01 10/8": "10.1.2.3",
    "H01 172.16/12": "172.31.0.1",
    "H01 192.168/16": "192.168.1.1",
    "H01 100.64/10": "100.127.255.255",
    "H01 unspecified": "0.0.0.0",  # noqa: S104 - an input, not a binding
    "H01 IPv6 unspecified": "::",
    "H01 NAT64": "64:ff9b::7f00:1",
    "H01 local NAT64": "64:ff9b:1::1",
    "H01 6to4": "2002:7f00:1::",
    "H01 Teredo": "2001:0:7f00:1::",
    "H01 unique local": "fc00::1",
    "H01 link-local": "fe80::1%eth0",
    "H01 site-local": "fec0::1",
    "H01 multicast": "224.0.0.1",
    "H01 IPv6 multicast": "ff02::1",
    "H01 documentation": "192.0.2.1",
    "H01 benchmarking": "198.18.0.1",
    "H01 reserved": "240.0.0.1",
    "H01 broadcast": "255.255.255.255",
    "H01 discard": "100::1",
    "H01 segment routing": "5f00::1",
    "no address": "acme.okta.com",
    "empty": "",
}


@pytest.mark.parametrize("row", CLOSED)
def test_no_provider_lives_at_an_address_that_is_not_public(row: str) -> None:
    assert not is_public(CLOSED[row])


@pytest.mark.parametrize("address", ["8.8.8.8", "52.1.2.3", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1"])
def test_a_public_address_is_open(address: str) -> None:
    assert is_public(address)


def test_h03_the_guard_stands_at_every_socket_loopback_being_the_only_exception_to_make() -> None:
    def info(host: str) -> tuple[int, int, int, str, tuple[str, int]]:
        return (socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, 443))

    strict, lenient = guarded_sockets(allow_loopback=False), guarded_sockets(allow_loopback=True)
    for guarded, host in (
        (strict, "127.0.0.1"),
        (strict, "10.0.0.1"),
        (lenient, "10.0.0.1"),
        (lenient, "169.254.169.254"),
    ):
        with pytest.raises(AddressRefused):
            guarded(info(host))
    for guarded, host in ((strict, "8.8.8.8"), (lenient, "127.0.0.1")):
        guarded(info(host)).close()
