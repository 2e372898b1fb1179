"""Glewlwyd, a provider written in C, as Debian packages it, set up through its own administration API.

It differs from Okta in what it sends: ``token_type`` in lower case, ``azp``, ``at_hash`` and ``c_hash`` in the ID
token, and ``iss`` (RFC 9207) in answers although its discovery document does not announce that. It takes the client
secret of ``client_secret_basic`` as it stands, where RFC 6749 2.3.1 has it form-encoded first.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from support.node_provider import Person
from support.programs import needs_program
from support.provider_process import provider_process
from support.service import free_port

PROGRAM: Final = "glewlwyd"
PACKAGES: Final = "glewlwyd dbconfig-sqlite3"
SCHEMA: Final = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
LIBRARIES: Final = Path("/usr/lib/glewlwyd")
SECRET: Final = "secret-of-acme"
PASSWORD: Final = "a password of the organisation"
SCOPES: Final = ("openid", "email", "profile")
ALGORITHMS: Final = {"RS256": "rsa", "PS256": "rsa-pss", "ES256": "ecdsa", "EdDSA": "eddsa"}
"""What Glewlwyd calls the keys of an algorithm."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Glewlwyd:
    """A running Glewlwyd. Each of its issuers has keys of its own; applications and people are common to all."""

    origin: str

    def issuer(self, name: str) -> str:
        """Return the issuer identifier of one of its issuers."""
        return f"{self.origin}/api/{name}"

    async def add_issuer(self, name: str, alg: str = "RS256") -> str:
        """Add an issuer that signs by this algorithm, and return its identifier."""
        await self._administer(("POST", "/mod/plugin/", self._module(name, alg)))
        return self.issuer(name)

    async def rotate_keys(self, name: str, alg: str = "RS256") -> None:
        """Sign with a new key. The former one is gone at once."""
        module = self._module(name, alg)
        await self._administer(("PUT", f"/mod/plugin/{name}", module), ("PUT", f"/mod/plugin/{name}/reset/", None))

    async def register(self, client_id: str, redirect_uri: str, **changes: object) -> None:
        """Register an application; ``changes`` replace what Glewlwyd keeps of it."""
        application = {
            "client_id": client_id,
            "name": "Keyledger",
            "confidential": True,
            "client_secret": SECRET,
            "enabled": True,
            "scope": [],
            "authorization_type": ["code"],
            "redirect_uri": [redirect_uri],
            "token_endpoint_auth_method": ["client_secret_basic", "client_secret_post"],
        }
        await self._administer(("POST", "/client/", application | changes))

    async def put(self, person: Person, *, username: str) -> None:
        """Add a person, who may use every application."""
        known = {"username": username, "name": person.name, "email": person.email, "password": PASSWORD}
        await self._administer(("POST", "/user/", {**known, "enabled": True, "scope": ["g_profile", *SCOPES]}))

    async def deactivate(self, person: Person, *, username: str) -> None:
        """Deactivate a person."""
        known = {"name": person.name, "email": person.email, "enabled": False, "scope": ["g_profile", *SCOPES]}
        await self._administer(("PUT", f"/user/{username}", known))

    async def log_in(self, browser: aiohttp.ClientSession, authorization_url: str, username: str) -> str | None:
        """Log somebody in and agree on the login page, as its script does by the API. Return where that leads outside.

        None: the person is not let in.
        """
        login = await self._open(browser, authorization_url)
        assert login.startswith(f"{self.origin}/login.html"), login
        known = {"username": username, "password": PASSWORD}
        async with browser.post(f"{self.origin}/api/auth/", json=known) as answer:
            if answer.status != 200:
                return None
        return await self._open(browser, f"{authorization_url}&{urlencode({'g_continue': ''})}")

    async def _open(self, browser: aiohttp.ClientSession, address: str) -> str:
        async with browser.get(address, allow_redirects=False) as answer:
            assert answer.status == 302, f"{answer.status} {await answer.text()}"
            return answer.headers["Location"]

    async def _administer(self, *requests: tuple[str, str, object]) -> None:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as http:
            for method, path, body in (("POST", "/auth/", {"username": "admin", "password": "password"}), *requests):
                async with http.request(method, f"{self.origin}/api{path}", json=body) as answer:
                    assert answer.status == 200, f"{method} {path}: {answer.status} {await answer.text()}"

    def _module(self, name: str, alg: str) -> Json:
        private, public = _key_pair(alg)
        parameters = {
            "iss": self.issuer(name),
            "subject-type": "public",
            "jwt-type": ALGORITHMS[alg],
            "jwt-key-size": "256",
            "key": private,
            "cert": public,
            "access-token-duration": 3600,
            "refresh-token-duration": 3600,
            "code-duration": 60,
            "refresh-token-rolling": False,
            "auth-type-code-enabled": True,
            "auth-type-code-revoke-replayed": True,
            "auth-type-token-enabled": False,
            "auth-type-refresh-enabled": False,
            "allowed-scope": list(SCOPES),
            "pkce-allowed": True,
            "pkce-required": True,
            "jwks-show": True,
            "name-claim": "mandatory",
            "email-claim": "mandatory",
            "oauth-as-iss-id": True,
            "request-parameter-allow": False,
        }
        return {"module": "oidc", "name": name, "display_name": name, "order_rank": 0, "parameters": parameters}


@contextmanager
def glewlwyd(directory: Path) -> Iterator[Glewlwyd]:
    """Run Glewlwyd on a database of its own; nobody is in it but its administrator."""
    needs_program(PROGRAM, PACKAGES)
    (directory / "modules").mkdir()
    kept = sqlite3.connect(directory / "glewlwyd.db")
    kept.executescript(SCHEMA.read_text(encoding="utf-8"))
    # In one statement here, in a login and a request for each by the API.
    kept.executemany(
        "insert into g_scope (gs_name, gs_display_name, gs_description, gs_password_required) values (?, ?, ?, 0)",
        [(name, name, name) for name in SCOPES if name != "openid"],
    )
    kept.commit()
    kept.close()
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    (directory / "glewlwyd.conf").write_text(_configuration(directory, port, origin), encoding="utf-8")
    command = [PROGRAM, f"--config-file={directory / 'glewlwyd.conf'}"]
    with provider_process(command, directory, f"{origin}/config/"):
        yield Glewlwyd(origin)


def _configuration(directory: Path, port: int, origin: str) -> str:
    settings = {
        "bind_address": "127.0.0.1",
        "external_url": origin,
        "login_url": "login.html",
        "api_prefix": "api",
        "log_mode": "console",
        "log_level": "DEBUG",
        "cookie_domain": "127.0.0.1",
        "session_key": "GLEWLWYD2_SESSION_ID",
        "admin_session_authentication": "cookie",
        "profile_session_authentication": "cookie",
        "admin_scope": "g_admin",
        "profile_scope": "g_profile",
        "user_module_path": LIBRARIES / "user",
        "user_middleware_module_path": directory / "modules",
        "client_module_path": LIBRARIES / "client",
        "user_auth_scheme_module_path": LIBRARIES / "scheme",
        "plugin_module_path": LIBRARIES / "plugin",
        "hash_algorithm": "SHA512",
    }
    lines = [f'{name}="{value}"' for name, value in settings.items()]
    database = f'database = {{ type = "sqlite3"; path = "{directory / "glewlwyd.db"}"; }};'
    return "\n".join([f"port={port}", "cookie_secure=0", "login_api_enabled=true", *lines, database, ""])


def _key_pair(alg: str) -> tuple[str, str]:
    key: Any
    if alg == "ES256":
        key = ec.generate_private_key(ec.SECP256R1())
    elif alg == "EdDSA":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode("ascii"), public.decode("ascii")
