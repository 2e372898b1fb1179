"""What the client reaches: public addresses by https, whatever names resolve to, and with a right certificate."""

import asyncio
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from support.certificates import server_context
from support.oidc import fails
from support.provider import FakeProvider

from service.oidc.errors import OidcError
from service.oidc.http import ProviderClient
from service.oidc.names import MOST_LOOKUPS, ProviderNames
from service.oidc.policy import ProviderPolicy

LOOPBACK = ProviderPolicy(allow_loopback=True)


class Names(AbstractResolver):
    """A name server that answers each time what comes next."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        """Answer, whatever ``family`` is asked for."""
        del family
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            {"hostname": host, "host": address, "port": port, "family": 2, "proto": 0, "flags": 0}
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


def answer_names(client: ProviderClient, *answers: list[str]) -> None:
    assert client._session is not None
    connector: Any = client._session.connector
    connector._resolver = Names(*answers)
    connector._use_dns_cache = False


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["10.0.0.1", "127.0.0.1"]])
async def test_h03_a_public_name_with_a_private_address_is_not_connected_to(addresses: list[str]) -> None:
    async with ProviderClient(ProviderPolicy()) as http:
        answer_names(http, addresses)
        error = await fails(http.get_json("keys", "https://rebound.example/"))
    assert (error.reason, error.detail) == ("provider_unreachable", "address_refused")


async def test_h03_every_connection_is_judged_by_its_own_address(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may lead to a provider now and to a private address a moment later."""
    policy = ProviderPolicy(allow_loopback=True, allowed_hosts=frozenset({f"localhost:{provider.port}"}))
    async with ProviderClient(policy) as http:
        answer_names(http, ["127.0.0.1"], ["10.0.0.1"])
        url = f"http://localhost:{provider.port}/oauth2/v1/keys"
        assert (await http.get_json("keys", url)).status == 200
        assert http._session is not None
        assert http._session.connector is not None
        await http._session.connector.close()
    async with ProviderClient(policy) as http:
        answer_names(http, ["10.0.0.1"])
        assert (await fails(http.get_json("keys", url))).detail == "address_refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.okta.com/",
        "https://127.0.0.1/",
        "https://0x7f000001/",
        "https://２.example/",
        "https://ada:pw@acme.okta.com/",
        "https://acme.okta.com:8443/",
        "https://acme.okta.com/#fragment",
        "file:///etc/passwd",
        "https://localhost/",
    ],
)
async def test_h07_no_request_leaves_for_an_address_beyond_the_policy(url: str) -> None:
    async with ProviderClient(ProviderPolicy()) as http:
        error = await fails(http.get_json("keys", url))
    assert (error.reason, error.detail) == ("provider_misconfigured", "address_refused")


async def test_h17_a_certificate_that_is_trusted_and_right_is_accepted(tmp_path: Path) -> None:
    server, client = server_context(tmp_path)
    async with FakeProvider(ssl_context=server) as provider, ProviderClient(LOOPBACK, ssl_context=client) as http:
        assert (await http.get_json("keys", provider.endpoint("keys"))).status == 200


@pytest.mark.parametrize("wrong", ["self-signed", "name", "expired"])
async def test_h17_any_other_certificate_is_refused(tmp_path: Path, wrong: str) -> None:
    address = "127.0.0.2" if wrong == "name" else "127.0.0.1"
    server, client = server_context(tmp_path, address=address, expired=wrong == "expired")
    trusted = None if wrong == "self-signed" else client
    async with FakeProvider(ssl_context=server) as provider, ProviderClient(LOOPBACK, ssl_context=trusted) as http:
        error = await fails(http.get_json("keys", provider.endpoint("keys")))
    assert (error.reason, error.detail) == ("provider_unreachable", "tls_failed")


async def test_h17_a_provider_that_speaks_old_protocols_only_is_not_spoken_to(tmp_path: Path) -> None:
    server, client = server_context(tmp_path)
    old_protocols(server)
    async with FakeProvider(ssl_context=server) as provider, ProviderClient(LOOPBACK, ssl_context=client) as http:
        assert (await fails(http.get_json("keys", provider.endpoint("keys")))).reason == "provider_unreachable"
        old_protocols(client)
        assert (await http.get_json("keys", provider.endpoint("keys"))).status == 200, "a client of its age is answered"


def old_protocols(context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1


async def test_a_closed_port_and_an_unknown_name_are_told_apart(http: ProviderClient) -> None:
    assert (await fails(http.get_json("keys", "http://127.0.0.1:1/"))).detail == "connection_failed"
    assert http._session is not None
    connector: Any = http._session.connector
    connector._resolver = type(
        "NoNames", (Names,), {"resolve": lambda *_, **__: (_ for _ in ()).throw(OSError("unknown"))}
    )([])
    assert (await fails(http.get_json("keys", "https://nobody.example/"))).detail == "name_unknown"


async def test_h18_names_that_nobody_answers_for_keep_no_other_name_waiting(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    real = socket.getaddrinfo

    def look_up(host: str, *rest: Any) -> Any:
        if host.endswith(".dead.example"):
            answered.wait(5)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return real(host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with ProviderClient(LOOPBACK, timeout_s=5.0) as http:
        stuck = [asyncio.ensure_future(http.get_json("keys", f"https://{n}.dead.example/")) for n in range(16)]
        async with asyncio.timeout(2.0):
            assert (await http.get_json("keys", f"http://localhost:{provider.port}/oauth2/v1/keys")).status == 200
        answered.set()
        errors = await asyncio.gather(*stuck, return_exceptions=True)
    assert {error.detail for error in errors if isinstance(error, OidcError)} == {"name_unknown"}


async def test_h18_the_service_ends_without_waiting_for_a_name_that_nobody_answers_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, answered = threading.Event(), threading.Event()

    def look_up(*_: Any) -> Any:
        asked.set()
        answered.wait(5)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    names = ProviderNames()
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", look_up)
        stuck = asyncio.ensure_future(names.resolve("dead.example"))
        assert await asyncio.to_thread(asked.wait, 5)
        late = threading.Timer(2, answered.set)
        late.start()
        await names.close()
        assert not answered.is_set()
        late.cancel()
        answered.set()
        with pytest.raises(OSError, match="no answer"):
            await stuck


class _Zone:
    """Name servers: one that answers for ``idp.example`` while it is ``up``, and one that never does for others."""

    def __init__(self) -> None:
        self.up = True
        self.over = threading.Event()

    def look_up(self, host: str, port: int, *_: Any) -> Any:
        """Stand in for the system's resolver."""
        if host == "gone.example":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        if host != "idp.example":
            self.over.wait(20)
        if host != "idp.example" or not self.up:
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", port))]


async def _addresses(names: ProviderNames) -> list[str]:
    async with asyncio.timeout(4.0):
        return [one["host"] for one in await names.resolve("idp.example", 443)]


async def test_h18_any_number_of_names_that_nobody_answers_for_keep_no_known_provider_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever tests credentials may make up names without end, all of a zone whose servers never answer."""
    zone, names = _Zone(), ProviderNames()
    monkeypatch.setattr(socket, "getaddrinfo", zone.look_up)
    try:
        assert await _addresses(names) == ["192.0.2.7"]
        stuck = [asyncio.ensure_future(names.resolve(f"{n}.dead.example")) for n in range(3 * MOST_LOOKUPS)]
        await asyncio.sleep(0)
        assert await _addresses(names) == ["192.0.2.7"]
        assert not any(one.done() for one in stuck)
    finally:
        zone.over.set()
        await names.close()
        await asyncio.gather(*stuck, return_exceptions=True)


async def test_a_known_providers_address_outlives_its_name_servers_for_a_day_and_not_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("service.oidc.names.monotonic", lambda: now)
    zone, names = _Zone(), ProviderNames()
    monkeypatch.setattr(socket, "getaddrinfo", zone.look_up)
    await _addresses(names)
    zone.up = False
    now += 23 * 3600
    assert await _addresses(names) == ["192.0.2.7"]
    now += 2 * 3600
    with pytest.raises(OSError, match="no answer"):
        await _addresses(names)
    with pytest.raises(OSError, match="no such name"):
        await names.resolve("gone.example")
    await names.close()


async def test_b20_whoever_tests_credentials_is_not_told_which_names_lead_inside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is known inside alone and a name that nobody knows are one sentence; the log tells them apart."""

    def look_up(host: str, port: int, *_: Any) -> Any:
        if host != "payroll.corp.example":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with ProviderClient(ProviderPolicy()) as http:
        inside = await fails(http.get_json("discovery", "https://payroll.corp.example/"))
        nowhere = await fails(http.get_json("discovery", "https://nobody.corp.example/"))
    assert (inside.detail, nowhere.detail) == ("address_refused", "name_unknown")
    for kind in ("okta", "oidc"):
        assert inside.explained(kind) == nowhere.explained(kind)
        assert inside.setting(kind) == nowhere.setting(kind)
