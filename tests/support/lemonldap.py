"""LemonLDAP::NG, a provider written in Perl, as Debian packages it, set up by its configuration file.

It differs from Okta in what it sends: an issuer that ends in a slash, ``aud`` as a list, an ID token without an address
(which userinfo has), and keys without ``alg``. It refuses a token request that carries cookies, and takes the client
secret of ``client_secret_basic`` as it stands, where RFC 6749 2.3.1 has it form-encoded first.
"""

import html
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from support.node_provider import PROVIDERS, Person
from support.programs import needs_program
from support.provider_process import provider_process
from support.service import free_port

PACKAGES: Final = "liblemonldap-ng-portal-perl lemonldap-ng-fastcgi-server libio-string-perl libstring-random-perl"
SECRET: Final = "secret-of-acme"
MOST_PAGES: Final = 8
RELOADS_WITHIN_S: Final = 10.0

Json = dict[str, Any]


@dataclass(frozen=True)
class App:
    """An application: its redirect URI, and options as LemonLDAP::NG names them, without their common prefix."""

    redirect_uri: str
    options: Mapping[str, object]


@dataclass
class Lemonldap:
    """A running LemonLDAP::NG. Applications are those it was started with, by client id."""

    issuer: str
    _directory: Path
    _configuration: Json

    async def rotate_keys(self) -> None:
        """Sign with a new key. The former one is gone at once."""
        async with aiohttp.ClientSession() as http:
            before = await self._keys(http)
            self._configuration |= {"cfgNum": self._configuration["cfgNum"] + 1, **_signing_key()}
            _save(self._directory, self._configuration)
            late = time.monotonic() + RELOADS_WITHIN_S
            # It looks for a newer configuration when it is asked something, at most once a second.
            while await self._keys(http) == before:
                assert time.monotonic() < late, "the provider does not take its new configuration up"

    async def _keys(self, http: aiohttp.ClientSession) -> object:
        async with http.get(f"{self.issuer}oauth2/jwks") as answer:
            return await answer.json()

    async def log_in(
        self, browser: aiohttp.ClientSession, authorization_url: str, username: str, *, agrees: bool = True
    ) -> str | None:
        """Fill the login page in, and answer the question for consent. Return where that leads outside.

        None: the provider keeps the person on a page of its own.
        """
        address, sent = authorization_url, None
        for _ in range(MOST_PAGES):
            if not address.startswith(self.issuer):
                return address
            method = "GET" if sent is None else "POST"
            async with browser.request(method, address, data=sent, allow_redirects=False) as answer:
                page, location = await answer.text(), answer.headers.get("Location")
            if location is not None:
                address, sent = urljoin(address, location), None
                continue
            form, sent = re.search(r'<form [^>]*action="([^"]*)"', page), _hidden_fields(page)
            if form is None or not (sent.keys() >= {"confirm"} or 'name="password"' in page):
                return None
            address = urljoin(address, form[1])
            if "confirm" in sent:
                sent["confirm"] = sent["confirm"] if agrees else f"-{sent['confirm']}"
            else:
                sent |= {"user": username, "password": username}
        message = "the provider asks without end"
        raise AssertionError(message)


@contextmanager
def lemonldap(directory: Path, apps: Mapping[str, App], people: Sequence[Person]) -> Iterator[Lemonldap]:
    """Run LemonLDAP::NG; each person's user name and password is the local part of their address."""
    needs_program("llng-fastcgi-server", PACKAGES)
    needs_program("plackup", PACKAGES)
    for name in ("conf", "cache", "sessions/lock", "persistent/lock"):
        (directory / name).mkdir(parents=True)
    port = free_port()
    issuer = f"http://127.0.0.1:{port}/"
    configuration = {"cfgNum": 1, **_configuration(directory, issuer), **_applications(apps), **_signing_key()}
    _save(directory, configuration)
    (directory / "lemonldap-ng.ini").write_text(_ini(directory), encoding="utf-8")
    known = {person.email.partition("@")[0]: person for person in people}
    told = {name: {"uid": name, "cn": one.name, "mail": one.email} for name, one in known.items()}
    environment = {
        "LLNG_DEFAULTCONFFILE": str(directory / "lemonldap-ng.ini"),
        "KEYLEDGER_TEST_PEOPLE": json.dumps(told),
    }
    server = ["-E", "deployment", "-s", "HTTP::Server::PSGI", "--host", "127.0.0.1", "--port", str(port)]
    command = ["plackup", *server, str(PROVIDERS / "lemonldap" / "portal.psgi")]
    with provider_process(command, directory, f"{issuer}.well-known/openid-configuration", environment):
        yield Lemonldap(issuer, directory, configuration)


def _hidden_fields(page: str) -> dict[str, str]:
    inputs = re.findall(r'<input type="hidden"[^>]*>', page)
    named = [(re.search(r'name="([^"]+)"', one), re.search(r'value="([^"]*)"', one)) for one in inputs]
    return {name[1]: html.unescape(value[1]) for name, value in named if name and value}


def _configuration(directory: Path, issuer: str) -> Json:
    return {
        "cfgVersion": "2.16.1",
        "cfgAuthor": "the organisation",
        "cfgDate": "1",
        "authentication": "Demo",
        "userDB": "Same",
        "passwordDB": "Demo",
        "registerDB": "Null",
        "captcha": "::Captcha::None",
        "portal": issuer,
        "domain": "127.0.0.1",
        "cookieName": "lemonldap",
        "securedCookie": 0,
        "globalStorage": "Apache::Session::File",
        "globalStorageOptions": _storage(directory / "sessions"),
        "persistentStorage": "Apache::Session::File",
        "persistentStorageOptions": _storage(directory / "persistent"),
        "whatToTrace": "_whatToTrace",
        "macros": {"_whatToTrace": "lc($_user)"},
        "demoExportedVars": {"cn": "cn", "mail": "mail", "uid": "uid"},
        "locationRules": {"127.0.0.1": {"default": "accept"}},
        "requireToken": 0,
        "portalDisplayRegister": 0,
        "portalDisplayResetPassword": 0,
        "loginHistoryEnabled": 0,
        "checkTime": 0.01,
        "key": "not a secret: it lives as long as one run",
        "issuerDBOpenIDConnectActivation": 1,
    }


def _storage(place: Path) -> Json:
    generate = "Lemonldap::NG::Common::Apache::Session::Generate::SHA256"
    return {"Directory": str(place), "LockDirectory": str(place / "lock"), "generateModule": generate}


def _applications(apps: Mapping[str, App]) -> Json:
    right = {"IDTokenSignAlg": "RS256", "RequirePKCE": 1, "BypassConsent": 1, "ClientSecret": SECRET}
    options, exported = {}, {}
    for client_id, app in apps.items():
        chosen = {**right, "ClientID": client_id, "RedirectUris": app.redirect_uri, **app.options}
        options[client_id] = {f"oidcRPMetaDataOptions{name}": value for name, value in chosen.items()}
        exported[client_id] = {"email": "mail", "name": "cn"}
    return {"oidcRPMetaDataOptions": options, "oidcRPMetaDataExportedVars": exported}


def _signing_key() -> Json:
    key = generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = f"key-{key.public_key().public_numbers().n % 10**12}"
    return {
        "oidcServicePrivateKeySig": private.decode("ascii"),
        "oidcServicePublicKeySig": public.decode("ascii"),
        "oidcServiceKeyIdSig": name,
    }


def _save(directory: Path, configuration: Json) -> None:
    text = json.dumps(configuration)
    place = directory / "conf" / f"lmConf-{configuration['cfgNum']}.json"
    (directory / "written").write_text(text, encoding="utf-8")
    # Whole or not at all: it may be looking at this moment.
    (directory / "written").rename(place)


def _ini(directory: Path) -> str:
    return f"""[all]
logLevel = info
[configuration]
type = File
dirName = {directory / "conf"}
localStorage = Cache::FileCache
localStorageOptions = {{'namespace' => 'c', 'default_expires_in' => 600, 'cache_root' => '{directory / "cache"}'}}
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
"""
