"""A relying party of a few lines that trusts what it is sent: it tests providers, and is none of ours."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.jwk import JWKRegistry, KeySet
from support.tokens import base64url

Json = dict[str, Any]

CALLBACK: Final = "http://127.0.0.1:1/callback"


def query_of(address: str) -> dict[str, str]:
    """Return the parameters of an address."""
    return dict(parse_qsl(urlsplit(address).query))


@dataclass
class PlainClient:
    """An application that is registered at a provider; each one makes one login."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str = CALLBACK
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    async def discovered(self) -> Json:
        """Return the discovery document."""
        return await self._json("GET", f"{self.issuer}/.well-known/openid-configuration")

    async def authorization_url(self, **changes: str | None) -> str:
        """Return where a browser is sent; ``changes`` replace parameters, None removes one."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid email profile groups",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": base64url(hashlib.sha256(self.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        sent = {name: value for name, value in (asked | changes).items() if value is not None}
        return f"{(await self.discovered())['authorization_endpoint']}?{urlencode(sent)}"

    async def exchange(
        self, code: str, *, post: bool = False, changes: Mapping[str, str] | None = None
    ) -> tuple[int, Json]:
        """Exchange a code by client_secret_basic, or by client_secret_post; ``changes`` replace fields.

        Return the status and the answer.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        headers = {}
        if post:
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        else:
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        endpoint = (await self.discovered())["token_endpoint"]
        async with (
            aiohttp.ClientSession() as session,
            session.post(endpoint, data=form | dict(changes or {}), headers=headers) as answer,
        ):
            return answer.status, await answer.json()

    async def verified(self, id_token: str, alg: str = "RS256") -> tuple[Json, Json]:
        """Return the header and claims of an ID token that a published key signed."""
        published = await self._json("GET", (await self.discovered())["jwks_uri"])
        keys = KeySet([JWKRegistry.import_key(key) for key in published["keys"]])
        token = jwt.decode(id_token, keys, algorithms=[alg])
        return token.header, token.claims

    async def userinfo(self, access_token: str) -> Json:
        """Return what userinfo tells."""
        endpoint = (await self.discovered())["userinfo_endpoint"]
        return await self._json("GET", endpoint, {"Authorization": f"Bearer {access_token}"})

    async def _json(self, method: str, address: str, headers: dict[str, str] | None = None) -> Json:
        async with aiohttp.ClientSession() as session, session.request(method, address, headers=headers) as answer:
            told: Json = await answer.json()
            return told
